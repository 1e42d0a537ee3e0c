/** A program of somebody else's, which knows nothing but AWS_PROFILE: puts, lists and gets one object, and says so. */
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';

const client = new S3Client({ maxAttempts: 1 });
const at = { Bucket: 'reports', Key: '2026/by-profile.txt' };
await client.send(new PutObjectCommand({ ...at, Body: 'by profile alone' }));
const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: 'reports', Prefix: '2026/by-profile' }));
const { Body } = await client.send(new GetObjectCommand(at));
console.log(JSON.stringify({ listed: Contents.map(({ Key }) => Key), got: await Body?.transformToString() }));
