// SPDX-License-Identifier: Apache-2.0
// The part of WebAssembly that kernel.ts uses: Node and every browser have it, the es2023 library does not
// declare it.

declare namespace WebAssembly {
  interface Module {
    readonly [Symbol.toStringTag]: string;
  }
  const Module: new (bytes: Uint8Array<ArrayBuffer>) => Module;
  class Memory {
    private constructor();
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }
  class Instance {
    constructor(module: Module, imports: object);
    readonly exports: object;
  }
  interface Instantiated {
    readonly module: Module;
    readonly instance: Instance;
  }
}
