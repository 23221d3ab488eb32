import { createReadStream } from 'node:fs';

/** Why there is no text, and what to do. */
export interface UnreadableFile {
  readonly message: string;
  readonly hint: string;
  readonly cause?: unknown;
}

/** The text of a file of at most so many bytes, as UTF-8, or why there is none. Pipes and devices are read too, no further. Never rejects. */
export async function readTextFile(file: string, maxBytes: number): Promise<string | UnreadableFile> {
  try {
    const chunks: Buffer[] = [];
    // `end` counts from 0 and is included: one byte more than there may be.
    for await (const chunk of createReadStream(file, { end: maxBytes })) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    if (bytes.length > maxBytes) return { message: `is larger than ${maxBytes} bytes`, hint: 'is it the right file?' };
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    if (cause instanceof TypeError) return { message: 'is not UTF-8 text', hint: 'save it as UTF-8', cause };
    return { message: `cannot be read: ${reasonOf(cause)}`, hint: 'check that it is a file and may be read', cause };
  }
}

/** Node's text for a failed call, without the path that is named anyway. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(/, \w+( '.*)?$/s, '') : String(error);
}
