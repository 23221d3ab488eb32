import { requireBoolean } from './arguments.js';
import type { RawObject, RawProgramShape } from './binding.js';
import type { BpfLink, BpfProgram, ProgramInfo } from './types.js';

class NativeLink implements BpfLink {
  readonly #raw: RawObject;
  readonly #id: number;

  constructor(raw: RawObject, id: number) {
    this.#raw = raw;
    this.#id = id;
  }

  close(): void {
    this.#raw.detach(this.#id);
  }
}

export class NativeProgram implements BpfProgram {
  readonly name: string;
  readonly section: string;
  readonly type: string;
  readonly awaitsMark: boolean;
  readonly #raw: RawObject;
  readonly #index: number;
  readonly #object: string;

  constructor(raw: RawObject, index: number, shape: RawProgramShape, object: string) {
    this.name = shape.name;
    this.section = shape.section;
    this.type = shape.type;
    this.awaitsMark = shape.awaitsMark;
    this.#raw = raw;
    this.#index = index;
    this.#object = object;
  }

  get autoload(): boolean {
    return this.#raw.autoload(this.#index);
  }

  set autoload(autoload: boolean) {
    requireBoolean({ operation: 'set autoload', object: this.#object }, 'autoload', autoload);
    this.#raw.setAutoload(this.#index, autoload);
  }

  get loaded(): boolean {
    return this.#raw.loaded(this.#index);
  }

  attach(): BpfLink {
    return new NativeLink(this.#raw, this.#raw.attach(this.#index));
  }

  info(): ProgramInfo {
    return this.#raw.programInfo(this.#index);
  }
}
