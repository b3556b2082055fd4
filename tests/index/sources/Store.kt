package app.store

import kotlinx.coroutines.flow.Flow
import app.net.Client as Net

typealias Names = List<String>
const val LIMIT = 3

interface Store { fun load(key: String): String }
data class Item(val id: Int)
enum class Level { LOW, HIGH }
object Registry {
    fun find(id: Int): Item? = null
}
class Cache : Store {
    override fun load(key: String): String {
        val local = 1
        return key
    }
    companion object { fun create() = Cache() }
}
fun String.shout(): String = uppercase()
