import Foundation
import struct Geo.Point

let limit = 3
typealias Names = [String]

protocol Drawable { func draw() }
struct Circle: Drawable {
    var radius: Double
    init(radius: Double) { self.radius = radius }
    func draw() { let local = 1 }
}
enum Level { case low, high }
class Canvas {
    static func make() -> Canvas { Canvas() }
}
extension Canvas { func clear() {} }
func run(_ canvas: Canvas) {}
