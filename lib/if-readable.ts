/** Undefined for what the file system refuses now; other errors are thrown. For callers for whom that is a state like any other. */
export async function ifReadable<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).code === 'string') return undefined;
    throw error;
  }
}
