type t

val insert : int -> t -> t
