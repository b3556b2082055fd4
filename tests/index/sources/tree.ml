open Printf

type 'a tree = Leaf | Node of 'a tree * 'a * 'a tree

exception Empty

module Ord = struct
  let compare a b = 0
end

module type S = sig
  val size : 'a tree -> int
end

let limit = 3

let rec insert x t =
  let local = 1 in
  t

class counter = object
  method incr = ()
end
