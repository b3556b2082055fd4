#pragma once
namespace legacy {
class Reader {
public:
  int next();
};
}
