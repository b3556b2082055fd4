#include <vector>
#include "shape.hpp"

namespace geo::flat {
constexpr int kSides = 4;
template <typename T>
class Shape final : public Base<T> {
public:
  explicit Shape(int sides) : sides_(sides) {}
  virtual ~Shape();
  virtual int area() const = 0;
  bool operator==(const Shape &other) const { return true; }
private:
  int sides_;
};
enum class Color { Red, Green };
using Shapes = std::vector<Shape<int>>;
struct Point { int x; };
} // namespace geo::flat

template <typename T>
int geo::flat::Shape<T>::sides() const { return sides_; }
const Point *Origin() { return nullptr; }
