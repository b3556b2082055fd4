import type { Request } from "./http";
import {
  Client,
  type Options,
} from "@scope/client";
import fs = require("node:fs");

export interface Store<in out A, out E = never> extends Base {
  readonly load: (key: string) => A;
  save(value: A): void;
}
export type Key = string | number;
export const enum Level { Low, High }
export declare namespace Wire { type Frame = Uint8Array }
export abstract class Cache<T> implements Store<T, never> {
  private size = 0;
  constructor(readonly limit: number) { super(); }
  abstract evict(): void;
  get full(): boolean { return true; }
}
export const open: {
  <A>(key: A): Cache<A>
  <A, B>(key: A, other: B): Cache<A>
} = (key: unknown) => { const local = 1; return new Cache(1); };
export function run(): void;
