import static java.util.stream.Collectors.toList;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import software.amazon.awssdk.core.async.AsyncRequestBody;
import software.amazon.awssdk.core.async.AsyncResponseTransformer;
import software.amazon.awssdk.core.async.BlockingInputStreamAsyncRequestBody;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3AsyncClient;
import software.amazon.awssdk.services.s3.model.ChecksumAlgorithm;
import software.amazon.awssdk.transfer.s3.S3TransferManager;
import software.amazon.awssdk.transfer.s3.model.FileUpload;
import software.amazon.awssdk.transfer.s3.model.ResumableFileUpload;

/** The AWS SDK for Java 2 over the CRT: its S3 client, and the transfer manager above it. */
public final class Sdk2Crt {
  static final String BUCKET = Step.BUCKET;

  static String at(String name) {
    return Step.PREFIX + name;
  }

  public static void main(String[] given) throws Exception {
    Step.version("s3");
    // set-up
    S3AsyncClient s3 = S3AsyncClient.crtBuilder().region(Region.US_EAST_1).forcePathStyle(true).minimumPartSizeInBytes((long) Step.PART_BYTES).build();
    S3TransferManager transfers = S3TransferManager.builder().s3Client(s3).build();
    // end of set-up
    Path up = Path.of("up");
    Path down = Path.of("down");
    Files.write(up, Step.LARGE);
    for (int size : Step.SIZES) {
      Step.step("round trip of " + size + " bytes", () -> {
        byte[] sized = Step.part(Step.LARGE, 0, size);
        s3.putObject(r -> r.bucket(BUCKET).key(at("size-" + size)), AsyncRequestBody.fromBytes(sized)).join();
        Step.same(read(s3, "size-" + size), sized);
      });
    }
    Step.step("a file up in parts, and down", () -> {
      transfers.uploadFile(r -> r.source(up).putObjectRequest(o -> o.bucket(BUCKET).key(at("large")))).completionFuture().join();
      transfers.downloadFile(r -> r.destination(down).getObjectRequest(o -> o.bucket(BUCKET).key(at("large")))).completionFuture().join();
      Step.same(Files.readAllBytes(down), Step.LARGE);
    });
    for (ChecksumAlgorithm algorithm : List.of(ChecksumAlgorithm.CRC32, ChecksumAlgorithm.CRC32_C, ChecksumAlgorithm.SHA1, ChecksumAlgorithm.SHA256)) {
      Step.step("a file in parts with " + algorithm, () -> {
        transfers.uploadFile(r -> r.source(up).putObjectRequest(o -> o.bucket(BUCKET).key(at("sum")).checksumAlgorithm(algorithm))).completionFuture().join();
        Step.same(read(s3, "sum"), Step.LARGE);
      });
    }
    Step.step("a stream of unknown length", () -> {
      BlockingInputStreamAsyncRequestBody stream = AsyncRequestBody.forBlockingInputStream(null);
      var done = s3.putObject(r -> r.bucket(BUCKET).key(at("stream")), stream);
      stream.writeInputStream(new java.io.ByteArrayInputStream(Step.LARGE));
      done.join();
      Step.same(read(s3, "stream"), Step.LARGE);
    });
    Path huge = Path.of("huge");
    byte[] body = Step.bytes(64 * 1024 * 1024);
    Files.write(huge, body);
    for (int part : new int[] {1, 4, 8}) {
      Step.step("an upload of 64 MB is paused behind part " + part + " and resumed", () -> {
        FileUpload upload = transfers.uploadFile(r -> r.source(huge).putObjectRequest(o -> o.bucket(BUCKET).key(at("paused"))));
        while (upload.progress().snapshot().transferredBytes() < (long) part * Step.PART_BYTES) Thread.sleep(1);
        ResumableFileUpload state = upload.pause();
        long done = state.transferredParts().orElse(0);
        if (done < 1 || done >= state.totalParts().orElse(0)) throw new AssertionError(state + " is not in its midst");
        transfers.resumeUploadFile(state).completionFuture().join();
        Step.same(read(s3, "paused"), body);
      });
    }
    for (String key : Step.ODD_KEYS) {
      Step.step("key " + key, () -> {
        s3.putObject(r -> r.bucket(BUCKET).key(at("odd/" + key)), AsyncRequestBody.fromBytes(Step.SMALL)).join();
        Step.same(read(s3, "odd/" + key), Step.SMALL);
      });
    }
    Step.step("copy, in parts where it is large", () -> {
      transfers.copy(r -> r.copyObjectRequest(o -> o.sourceBucket(BUCKET).sourceKey(at("large")).destinationBucket(BUCKET).destinationKey(at("copied")))).completionFuture().join();
      Step.same(read(s3, "copied"), Step.LARGE);
    });
    Step.step("a folder up and down", () -> {
      Files.createDirectories(Path.of("tree/deep"));
      Files.write(Path.of("tree/one"), Step.SMALL);
      Files.write(Path.of("tree/deep/two ü+"), Step.SMALL);
      Step.equal(transfers.uploadDirectory(r -> r.source(Path.of("tree")).bucket(BUCKET).s3Prefix(at("tree"))).completionFuture().join().failedTransfers(), List.of());
      Step.equal(transfers.downloadDirectory(r -> r.destination(Path.of("back")).bucket(BUCKET).listObjectsV2RequestTransformer(l -> l.prefix(at("tree/")))).completionFuture().join().failedTransfers(), List.of());
      try (var files = Files.walk(Path.of("back"))) {
        Step.equal(files.filter(Files::isRegularFile).count(), 2L);
      }
    });
    Step.step("a large write that is refused by its condition", () ->
        Step.refused("412", () -> s3.putObject(r -> r.bucket(BUCKET).key(at("large")).ifNoneMatch("*"), AsyncRequestBody.fromBytes(Step.LARGE)).join()));
    // It asks by HEAD first, whose answer has no code.
    Step.step("what is not there", () -> Step.refused("404", () -> read(s3, "absent")));
    Step.step("delete", () -> s3.deleteObject(r -> r.bucket(BUCKET).key(at("large"))).join());
    System.exit(0);
  }

  static byte[] read(S3AsyncClient s3, String name) {
    return s3.getObject(r -> r.bucket(BUCKET).key(at(name)), AsyncResponseTransformer.toBytes()).join().asByteArray();
  }
}
