/** Every S3 server of others that the gateway is put in front of. */
import { moto } from './stores/moto.ts';
import { s3mock } from './stores/s3mock.ts';
import { s3proxy } from './stores/s3proxy.ts';
import { seaweedfs } from './stores/seaweedfs.ts';
import { versitygw } from './stores/versitygw.ts';
import type { ForeignStore } from './stores/store.ts';

export const STORES: readonly ForeignStore[] = [versitygw, seaweedfs, s3proxy, s3mock, moto];
