import static java.util.stream.Collectors.toList;

import java.io.ByteArrayInputStream;
import java.net.HttpURLConnection;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.time.Duration;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.async.AsyncRequestBody;
import software.amazon.awssdk.core.async.AsyncResponseTransformer;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.async.SdkAsyncHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3AsyncClient;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3Configuration;
import software.amazon.awssdk.services.s3.model.*;
import software.amazon.awssdk.services.s3.presigner.S3Presigner;

/** The AWS SDK for Java 2 over the HTTP client whose class is named; everything by default. */
public final class Sdk2 extends Object {
  static final String BUCKET = Step.BUCKET;

  /** The calls that differ between the two kinds of client. */
  interface Calls {
    PutObjectResponse put(PutObjectRequest request, byte[] body) throws Exception;

    byte[] get(GetObjectRequest request) throws Exception;

    UploadPartResponse part(UploadPartRequest request, byte[] body) throws Exception;
  }

  static Calls calls;

  static String at(String name) {
    return Step.PREFIX + name;
  }

  static byte[] read(String name) throws Exception {
    return calls.get(GetObjectRequest.builder().bucket(BUCKET).key(at(name)).build());
  }

  static PutObjectResponse put(String name, byte[] body) throws Exception {
    return calls.put(PutObjectRequest.builder().bucket(BUCKET).key(at(name)).build(), body);
  }

  static Object made(String className) throws Exception {
    return Class.forName(className).getMethod("create").invoke(null);
  }

  public static void main(String[] given) throws Exception {
    Step.version("s3");
    S3Client s3;
    if (given[0].contains("Async")) {
      S3AsyncClient async =
          S3AsyncClient.builder().httpClient((SdkAsyncHttpClient) made(given[0])).forcePathStyle(true).region(Region.US_EAST_1)
              .overrideConfiguration(o -> o.retryStrategy(AwsRetryStrategy.doNotRetry())).build();
      calls = new Calls() {
        public PutObjectResponse put(PutObjectRequest request, byte[] body) {
          return async.putObject(request, AsyncRequestBody.fromBytes(body)).join();
        }

        public byte[] get(GetObjectRequest request) {
          return async.getObject(request, AsyncResponseTransformer.toBytes()).join().asByteArray();
        }

        public UploadPartResponse part(UploadPartRequest request, byte[] body) {
          return async.uploadPart(request, AsyncRequestBody.fromBytes(body)).join();
        }
      };
      s3 = client("software.amazon.awssdk.http.apache.ApacheHttpClient");
    } else {
      s3 = client(given[0]);
      calls = new Calls() {
        public PutObjectResponse put(PutObjectRequest request, byte[] body) {
          return s3.putObject(request, RequestBody.fromBytes(body));
        }

        public byte[] get(GetObjectRequest request) {
          return s3.getObjectAsBytes(request).asByteArray();
        }

        public UploadPartResponse part(UploadPartRequest request, byte[] body) {
          return s3.uploadPart(request, RequestBody.fromBytes(body));
        }
      };
    }
    exercise(s3);
    if (given[0].contains("Async")) refusals();
    System.exit(0);
  }

  /** A client that sends all it has before it reads must still be told why. */
  static void refusals() {
    byte[] body = Step.bytes(64 * 1024 * 1024);
    for (int time = 1; time <= 10; time += 1) {
      Step.step("a write of 64 MB that policy denies is told so, " + time, () ->
          Step.refused("Nobody writes here.", () -> calls.put(PutObjectRequest.builder().bucket(BUCKET).key("refused/large").build(), body)));
    }
  }

  static S3Client client(String http) throws Exception {
    // set-up
    return S3Client.builder().httpClient((SdkHttpClient) made(http)).forcePathStyle(true).region(Region.US_EAST_1)
        .overrideConfiguration(o -> o.retryStrategy(AwsRetryStrategy.doNotRetry())).build();
    // end of set-up
  }

  static void exercise(S3Client s3) {
    for (int size : Step.SIZES) {
      Step.step("round trip of " + size + " bytes", () -> {
        byte[] body = Step.part(Step.LARGE, 0, size);
        put("size-" + size, body);
        Step.same(read("size-" + size), body);
        Step.equal(s3.headObject(r -> r.bucket(BUCKET).key(at("size-" + size))).contentLength(), (long) size);
      });
    }
    Step.step("a stream of known length", () -> {
      s3.putObject(r -> r.bucket(BUCKET).key(at("stream")), RequestBody.fromInputStream(new ByteArrayInputStream(Step.LARGE), Step.LARGE.length));
      Step.same(read("stream"), Step.LARGE);
    });
    Step.step("large in one request", () -> {
      put("large", Step.LARGE);
      Step.same(read("large"), Step.LARGE);
    });
    for (ChecksumAlgorithm algorithm : List.of(ChecksumAlgorithm.CRC32, ChecksumAlgorithm.CRC32_C, ChecksumAlgorithm.SHA1, ChecksumAlgorithm.SHA256)) {
      Step.step("putObject with " + algorithm, () -> {
        calls.put(PutObjectRequest.builder().bucket(BUCKET).key(at("sum")).checksumAlgorithm(algorithm).build(), Step.SMALL);
        Step.same(read("sum"), Step.SMALL);
        HeadObjectResponse head = s3.headObject(r -> r.bucket(BUCKET).key(at("sum")).checksumMode(ChecksumMode.ENABLED));
        Step.equal(head.getValueForField("Checksum" + algorithm, String.class).isPresent(), true);
      });
      Step.step("parts with " + algorithm + ", found by listing and resumed", () -> parts(s3, algorithm));
    }
    Step.step("ranges", () -> {
      Step.same(calls.get(GetObjectRequest.builder().bucket(BUCKET).key(at("large")).range("bytes=5242870-5242899").build()), Step.part(Step.LARGE, 5242870, 5242900));
      Step.same(calls.get(GetObjectRequest.builder().bucket(BUCKET).key(at("large")).range("bytes=-7").build()), Step.part(Step.LARGE, Step.LARGE.length - 7, Step.LARGE.length));
    });
    for (String key : Step.ODD_KEYS) {
      Step.step("key " + key, () -> {
        put("odd/" + key, Step.SMALL);
        Step.same(read("odd/" + key), Step.SMALL);
        s3.copyObject(r -> r.sourceBucket(BUCKET).sourceKey(at("odd/" + key)).destinationBucket(BUCKET).destinationKey(at("odd2/" + key)));
        Step.same(read("odd2/" + key), Step.SMALL);
      });
    }
    Step.step("listing by pages", () -> {
      List<String> keys = s3.listObjectsV2Paginator(r -> r.bucket(BUCKET).prefix(at("odd/")).maxKeys(3).fetchOwner(true)).contents().stream()
          .peek(object -> Step.equal(object.owner() != null, true)).map(object -> object.key().substring(at("odd/").length())).sorted().collect(toList());
      Step.equal(keys, Arrays.stream(Step.ODD_KEYS).sorted().collect(toList()));
    });
    Step.step("uploadPartCopy", () -> {
      String upload = s3.createMultipartUpload(r -> r.bucket(BUCKET).key(at("part-copies"))).uploadId();
      List<CompletedPart> done = new ArrayList<>();
      for (String range : List.of("0-9999999", "10000000-20000002")) {
        int number = done.size() + 1;
        String tag = s3.uploadPartCopy(r -> r.sourceBucket(BUCKET).sourceKey(at("large")).destinationBucket(BUCKET).destinationKey(at("part-copies")).uploadId(upload).partNumber(number).copySourceRange("bytes=" + range)).copyPartResult().eTag();
        done.add(CompletedPart.builder().partNumber(number).eTag(tag).build());
      }
      s3.completeMultipartUpload(r -> r.bucket(BUCKET).key(at("part-copies")).uploadId(upload).multipartUpload(m -> m.parts(done)));
      Step.same(read("part-copies"), Step.LARGE);
    });
    Step.step("an upload is aborted", () -> {
      String upload = s3.createMultipartUpload(r -> r.bucket(BUCKET).key(at("aborted"))).uploadId();
      s3.abortMultipartUpload(r -> r.bucket(BUCKET).key(at("aborted")).uploadId(upload));
      Step.refused("NoSuchUpload", () -> s3.listParts(r -> r.bucket(BUCKET).key(at("aborted")).uploadId(upload)));
    });
    Step.step("getObjectAttributes", () -> {
      GetObjectAttributesResponse told = s3.getObjectAttributes(r -> r.bucket(BUCKET).key(at("large")).objectAttributes(ObjectAttributes.E_TAG, ObjectAttributes.OBJECT_SIZE, ObjectAttributes.CHECKSUM));
      Step.equal(told.objectSize(), (long) Step.LARGE.length);
    });
    Step.step("content encoding, type and metadata", () -> {
      calls.put(PutObjectRequest.builder().bucket(BUCKET).key(at("typed")).contentEncoding("gzip").contentType("text/plain").metadata(Map.of("team", "x")).build(), Step.SMALL);
      HeadObjectResponse head = s3.headObject(r -> r.bucket(BUCKET).key(at("typed")));
      Step.equal(List.of(head.contentEncoding(), head.contentType(), head.metadata()), List.of("gzip", "text/plain", Map.of("team", "x")));
    });
    Step.step("conditions", () -> {
      String tag = put("conditions", Step.SMALL).eTag();
      Step.same(calls.get(GetObjectRequest.builder().bucket(BUCKET).key(at("conditions")).ifMatch(tag).build()), Step.SMALL);
      Step.refused("412", () -> calls.put(PutObjectRequest.builder().bucket(BUCKET).key(at("conditions")).ifNoneMatch("*").build(), Step.part(Step.SMALL, 0, 10)));
      Step.same(read("conditions"), Step.SMALL);
    });
    Step.step("a large write that is refused by its condition, three times", () -> {
      for (int time = 0; time < 3; time += 1) {
        Step.refused("412", () -> calls.put(PutObjectRequest.builder().bucket(BUCKET).key(at("conditions")).ifNoneMatch("*").build(), Step.LARGE));
      }
    });
    Step.step("presigned GET and PUT", () -> {
      try (S3Presigner signer = S3Presigner.builder().region(Region.US_EAST_1).serviceConfiguration(S3Configuration.builder().pathStyleAccessEnabled(true).build()).build()) {
        HttpURLConnection put = (HttpURLConnection) signer.presignPutObject(r -> r.signatureDuration(Duration.ofMinutes(1)).putObjectRequest(o -> o.bucket(BUCKET).key(at("presigned")))).url().openConnection();
        put.setRequestMethod("PUT");
        put.setDoOutput(true);
        put.getOutputStream().write(Step.SMALL);
        Step.equal(put.getResponseCode(), 200);
        HttpURLConnection get = (HttpURLConnection) signer.presignGetObject(r -> r.signatureDuration(Duration.ofMinutes(1)).getObjectRequest(o -> o.bucket(BUCKET).key(at("presigned")))).url().openConnection();
        Step.same(get.getInputStream().readAllBytes(), Step.SMALL);
      }
    });
    Step.step("headBucket, listBuckets", () -> {
      s3.headBucket(r -> r.bucket(BUCKET));
      Step.equal(s3.listBuckets().buckets().stream().anyMatch(one -> one.name().equals(BUCKET)), true);
    });
    Step.step("what is not there", () -> {
      Step.refused("NoSuchKey", () -> read("absent"));
      Step.refused("404", () -> s3.headObject(r -> r.bucket(BUCKET).key(at("absent"))));
    });
    Step.step("deleteObject, deleteObjects", () -> {
      s3.deleteObject(r -> r.bucket(BUCKET).key(at("large")));
      Step.refused("NoSuchKey", () -> read("large"));
      List<ObjectIdentifier> all = s3.listObjectsV2Paginator(r -> r.bucket(BUCKET).prefix(Step.PREFIX)).contents().stream().map(one -> ObjectIdentifier.builder().key(one.key()).build()).collect(toList());
      Step.equal(s3.deleteObjects(r -> r.bucket(BUCKET).delete(d -> d.objects(all))).errors(), List.of());
    });
  }

  static void parts(S3Client s3, ChecksumAlgorithm algorithm) throws Exception {
    String key = at("parts-" + algorithm);
    CreateMultipartUploadResponse made = s3.createMultipartUpload(r -> r.bucket(BUCKET).key(key).checksumAlgorithm(algorithm));
    Step.equal(made.checksumAlgorithm(), algorithm);
    calls.part(UploadPartRequest.builder().bucket(BUCKET).key(key).uploadId(made.uploadId()).partNumber(1).checksumAlgorithm(algorithm).build(), Step.part(Step.LARGE, 0, Step.PART_BYTES));
    List<MultipartUpload> listed = s3.listMultipartUploads(r -> r.bucket(BUCKET).prefix(key)).uploads();
    Step.equal(listed.stream().map(MultipartUpload::uploadId).collect(toList()), List.of(made.uploadId()));
    String upload = listed.get(0).uploadId();
    calls.part(UploadPartRequest.builder().bucket(BUCKET).key(key).uploadId(upload).partNumber(2).checksumAlgorithm(algorithm).build(), Step.SMALL);
    List<CompletedPart> done = s3.listParts(r -> r.bucket(BUCKET).key(key).uploadId(upload)).parts().stream()
        .map(p -> CompletedPart.builder().partNumber(p.partNumber()).eTag(p.eTag()).checksumCRC32(p.checksumCRC32()).checksumCRC32C(p.checksumCRC32C()).checksumSHA1(p.checksumSHA1()).checksumSHA256(p.checksumSHA256()).build()).collect(toList());
    s3.completeMultipartUpload(r -> r.bucket(BUCKET).key(key).uploadId(upload).multipartUpload(m -> m.parts(done)));
    byte[] wanted = Arrays.copyOf(Step.LARGE, Step.PART_BYTES + Step.SMALL.length);
    System.arraycopy(Step.SMALL, 0, wanted, Step.PART_BYTES, Step.SMALL.length);
    Step.same(calls.get(GetObjectRequest.builder().bucket(BUCKET).key(key).checksumMode(ChecksumMode.ENABLED).build()), wanted);
  }
}
