import io.minio.*;
import io.minio.credentials.WebIdentityProvider;
import io.minio.credentials.Jwt;
import io.minio.messages.*;
import java.io.ByteArrayInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** MinIO's client for Java, by its own provider for web identities. */
public final class MinioClientProgram {
  static final String BUCKET = Step.BUCKET;

  static String at(String name) {
    return Step.PREFIX + name;
  }

  public static void main(String[] given) throws Exception {
    Step.version("minio");
    // set-up
    String token = Files.readString(Path.of(System.getenv("WORLD_TOKEN_FILE")));
    WebIdentityProvider provider = new WebIdentityProvider(() -> new Jwt(token, 3600), Step.ENDPOINT, null, null, System.getenv("AWS_ROLE_ARN"), "world", null);
    MinioClient client = MinioClient.builder().endpoint(Step.ENDPOINT).region("us-east-1").credentialsProvider(provider).build();
    // end of set-up
    Step.step("login by web identity", provider::fetch);
    for (int size : Step.SIZES) {
      Step.step("round trip of " + size + " bytes", () -> {
        byte[] body = Step.part(Step.LARGE, 0, size);
        put(client, "size-" + size, body);
        Step.same(read(client, "size-" + size), body);
        Step.equal(client.statObject(StatObjectArgs.builder().bucket(BUCKET).object(at("size-" + size)).build()).size(), (long) size);
      });
    }
    Step.step("in parts, of a known size and of none", () -> {
      put(client, "large", Step.LARGE);
      Step.same(read(client, "large"), Step.LARGE);
      client.putObject(PutObjectArgs.builder().bucket(BUCKET).object(at("stream")).stream(new ByteArrayInputStream(Step.LARGE), -1L, (long) Step.PART_BYTES).build());
      Step.same(read(client, "stream"), Step.LARGE);
    });
    Step.step("a range", () -> {
      try (var answer = client.getObject(GetObjectArgs.builder().bucket(BUCKET).object(at("large")).offset(5242870L).length(30L).build())) {
        Step.same(answer.readAllBytes(), Step.part(Step.LARGE, 5242870, 5242900));
      }
    });
    Step.step("type, metadata, tags", () -> {
      client.putObject(PutObjectArgs.builder().bucket(BUCKET).object(at("typed")).contentType("text/plain").userMetadata(Map.of("team", "x")).tags(Map.of("a", "b")).stream(new ByteArrayInputStream(Step.SMALL), (long) Step.SMALL.length, -1L).build());
      Step.equal(client.statObject(StatObjectArgs.builder().bucket(BUCKET).object(at("typed")).build()).contentType(), "text/plain");
      Step.equal(client.getObjectTags(GetObjectTagsArgs.builder().bucket(BUCKET).object(at("typed")).build()).get(), Map.of("a", "b"));
    });
    for (String key : Step.ODD_KEYS) {
      Step.step("key " + key, () -> {
        put(client, "odd/" + key, Step.SMALL);
        Step.same(read(client, "odd/" + key), Step.SMALL);
      });
    }
    Step.step("listing by pages", () -> {
      List<String> keys = new ArrayList<>();
      for (Result<Item> one : client.listObjects(ListObjectsArgs.builder().bucket(BUCKET).prefix(at("odd/")).recursive(true).maxKeys(3).build())) {
        keys.add(one.get().objectName().substring(at("odd/").length()));
      }
      keys.sort(null);
      // It leaves empty segments out of every key.
      Step.equal(keys, Arrays.stream(Step.ODD_KEYS).map(key -> key.replace("//", "/")).sorted().toList());
    });
    Step.step("copyObject, composeObject", () -> {
      client.copyObject(CopyObjectArgs.builder().bucket(BUCKET).object(at("copied")).source(SourceObject.builder().bucket(BUCKET).object(at("large")).build()).build());
      Step.same(read(client, "copied"), Step.LARGE);
      client.composeObject(ComposeObjectArgs.builder().bucket(BUCKET).object(at("composed")).sources(new ArrayList<>(List.of(SourceObject.builder().bucket(BUCKET).object(at("large")).build(), SourceObject.builder().bucket(BUCKET).object(at("copied")).build()))).build());
      Step.equal(read(client, "composed").length, 2 * Step.LARGE.length);
    });
    Step.step("bucketExists, listBuckets", () -> {
      Step.equal(client.bucketExists(BucketExistsArgs.builder().bucket(BUCKET).build()), true);
      boolean found = false;
      for (var one : client.listBuckets()) found |= name(one).equals(BUCKET);
      Step.equal(found, true);
    });
    Step.step("what is not there", () -> Step.refused("NoSuchKey", () -> read(client, "absent").length));
    Step.step("removeObject", () -> {
      client.removeObject(RemoveObjectArgs.builder().bucket(BUCKET).object(at("large")).build());
      Step.refused("NoSuchKey", () -> read(client, "large").length);
    });
    System.exit(0);
  }

  static String name(Object bucket) throws Exception {
    Object one = bucket instanceof Result ? ((Result<?>) bucket).get() : bucket;
    return (String) one.getClass().getMethod("name").invoke(one);
  }

  static void put(MinioClient client, String name, byte[] body) throws Exception {
    client.putObject(PutObjectArgs.builder().bucket(BUCKET).object(at(name)).stream(new ByteArrayInputStream(body), (long) body.length, (long) Step.PART_BYTES).build());
  }

  static byte[] read(MinioClient client, String name) throws Exception {
    try (var answer = client.getObject(GetObjectArgs.builder().bucket(BUCKET).object(at(name)).build())) {
      return answer.readAllBytes();
    }
  }
}
