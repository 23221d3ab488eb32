import type { Admin } from 'kafkajs';
import { KafkaClient, type KafkaOptions } from './client.js';
import { kafkaError } from './errors.js';
import { settledWithin } from './settled-within.js';
import type { Stage } from '../errors.js';

const CLOSE_TIMEOUT_MS = 1000;

/** Connects for some questions or orders to the brokers, and closes again. Rejects with a SondeError. */
export async function withAdmin<T>(
  kafka: KafkaOptions,
  context: { readonly stage: Stage; readonly topic?: string },
  work: (admin: Admin) => Promise<T>,
): Promise<T> {
  const client = new KafkaClient(kafka);
  try {
    return await useAdmin(client, work);
  } catch (error) {
    throw kafkaError(error, { brokers: kafka.brokers, ...context });
  } finally {
    client.abandon();
  }
}

/** The same by a client that goes on. Rejects with what kafkajs throws. */
export async function useAdmin<T>(client: KafkaClient, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = client.kafka.admin();
  try {
    await admin.connect();
    return await work(admin);
  } finally {
    await settledWithin(admin.disconnect(), CLOSE_TIMEOUT_MS);
  }
}
