package app.service

import scala.concurrent.Future
import app.{Model, Store => S}

trait Service { def run(id: Int): Future[Unit] }
case class Item(id: Int)
object Service {
  val Limit = 3
  type Names = List[String]
  def make(): Service = {
    val local = 1
    ???
  }
}
enum Level { case Low, High }
