import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What every program of this lane shares: the product's variables, bytes to send, its version, and a line per step. */
final class Step {
  static final String ENDPOINT = System.getenv("WORLD_ENDPOINT");
  static final String BUCKET = System.getenv("WORLD_BUCKET");
  static final String PREFIX = System.getenv("WORLD_PREFIX");
  static final int PART_BYTES = 5 * 1024 * 1024;
  static final int[] SIZES = {0, 1, PART_BYTES + 1};
  /** Names that clients and servers like to spell differently. */
  static final String[] ODD_KEYS = {
    "a b+c", "ü", "a//b", "photo (1).jpg", "it's", "x=1/y", "a:b@c", "a!b*c.txt", "100%", "q?x#y&z"
  };
  static final byte[] LARGE = bytes(20_000_003);
  static final byte[] SMALL = bytes(1000);

  interface Work {
    void run() throws Exception;
  }

  /** Says the version of a package, by the name of its file. */
  static void version(String artifact) {
    Matcher found = Pattern.compile("/" + artifact + "-([0-9][^/:]*)\\.jar").matcher(System.getProperty("java.class.path"));
    if (found.find()) System.out.println("version " + found.group(1));
  }

  static void step(String name, Work work) {
    try {
      work.run();
      System.out.println("ok " + name);
    } catch (Throwable error) {
      Throwable cause = error instanceof java.util.concurrent.CompletionException && error.getCause() != null ? error.getCause() : error;
      String text = (cause.getClass().getSimpleName() + " " + cause.getMessage()).replaceAll("\\s+", " ");
      System.out.println("FAIL " + name + ": " + text.substring(0, Math.min(400, text.length())));
    }
    System.out.flush();
  }

  static byte[] bytes(int size) {
    byte[] bytes = new byte[size];
    new Random().nextBytes(bytes);
    return bytes;
  }

  static byte[] part(byte[] of, int from, int to) {
    return Arrays.copyOfRange(of, from, to);
  }

  static void same(byte[] seen, byte[] wanted) {
    if (!Arrays.equals(seen, wanted)) throw new AssertionError(seen.length + " bytes came back of " + wanted.length + ", or others");
  }

  static void equal(Object seen, Object wanted) {
    if (!java.util.Objects.equals(seen, wanted)) throw new AssertionError(seen + " came back, not " + wanted);
  }

  /** Passes when it is refused with this text in class or message. */
  static void refused(String code, Callable<?> work) throws Exception {
    try {
      work.call();
    } catch (Exception error) {
      Throwable cause = error instanceof java.util.concurrent.CompletionException ? error.getCause() : error;
      if ((cause.getClass().getSimpleName() + " " + cause).contains(code)) return;
      throw error;
    }
    throw new AssertionError("was not refused with " + code);
  }
}
