use std::collections::{self, hash_map::{Entry, HashMap as Map}};
pub(crate) use super::wire::*;
extern crate serde as s;
mod frames;

pub const LIMIT: usize = 3;
static mut COUNT: u32 = 0;

pub struct Queue<T> { items: Vec<T> }
pub union Word { a: u32, b: f32 }
pub enum State { Open, Closed }
pub trait Drain {
    type Item;
    fn drain(&mut self) -> Option<Self::Item>;
}
impl<T> Queue<T> {
    pub const fn new() -> Self { Queue { items: Vec::new() } }
}
impl<T> Drain for crate::queue::Queue<T> {
    type Item = T;
    fn drain(&mut self) -> Option<T> { None }
}
type Names = Vec<String>;
macro_rules! say { ($x:expr) => { println!("{}", $x) }; }
mod tests {
    #[test]
    fn works() {}
}
