import type { NativeErrorFields } from './types.js';

/** The one error class of `native/`: thrown by the addon itself and by the argument checks in front of it. */
export class NativeError extends Error implements NativeErrorFields {
  override readonly name = 'NativeError';
  readonly code: string;
  readonly errno: number;
  readonly operation: string;
  readonly object: string;
  readonly program: string;
  readonly map: string;
  readonly log: string;

  constructor(message: string, fields: Partial<NativeErrorFields> & { code: string; operation: string }) {
    super(message);
    this.code = fields.code;
    this.errno = fields.errno ?? 0;
    this.operation = fields.operation;
    this.object = fields.object ?? '';
    this.program = fields.program ?? '';
    this.map = fields.map ?? '';
    this.log = fields.log ?? '';
  }
}
