/** Where things stand in a batch of records, version 2 (Kafka's DefaultRecordBatch), in bytes from its begin. */
export const BATCH = {
  lengthAt: 8,
  /** What the length counts from. */
  begin: 12,
  leaderEpochAt: 12,
  versionAt: 16,
  version: 2,
  /** CRC32C of all that follows it. */
  crcAt: 17,
  attributesAt: 21,
  lastDeltaAt: 23,
  firstTimestampAt: 27,
  maxTimestampAt: 35,
  producerIdAt: 43,
  producerEpochAt: 51,
  firstSequenceAt: 53,
  countAt: 57,
  headerBytes: 61,
  /** Of the attributes. */
  codecMask: 0x07,
  appendTime: 0x08,
  transactional: 0x10,
  control: 0x20,
} as const;
