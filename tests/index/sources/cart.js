import React, { useState as state } from "react";
import {
  load,
  save,
} from "./store.js";
const fs = require("fs");
export { total } from "../sums";

export class Cart extends Base {
  #items = [];
  static async fetch(id) { return import("./late.js"); }
  onClick = () => { this.count += 1; };
}
function* walk(tree) { const local = 1; }
export const add = (a, b) => a + b;
const LIMIT = 3;
exports.run = function () {};
Cart.prototype.clear = function () {};
const handlers = {
  open() {},
  close: function () {},
};
export default function App() { return <Cart size={LIMIT} />; }
