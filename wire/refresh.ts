/**
 * The one call upwards: in `sonde run` a scrape wants values as fresh as the kernel's. Constructed in `bin/`.
 */
export interface Refresh {
  /**
   * Reads the kernel's maps anew and resolves once the frames this caused are applied. Calls made while a read is under
   * way share the next one. Never rejects: what could not be read is counted, and the last known values stand.
   */
  refresh(): Promise<void>;
}
