// A gRPC server and client on grpc-java for src/proxy/grpc-java.peer.test.ts. Messages are bytes, so that nothing has to
// be generated. `java Peer.java serve PORT` prints "ready"; `java Peer.java call PORT` prints a line a kind of call.
// Behind PORT: a folder of ca.pem, cert.pem and key.pem, and the port at which all is done again over mutual TLS, with
// less of what takes long.

import io.grpc.CallOptions;
import io.grpc.ChannelCredentials;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.Context;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.InsecureServerCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerCredentials;
import io.grpc.ServerInterceptor;
import io.grpc.ServerInterceptors;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import io.grpc.TlsServerCredentials;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

public final class Peer {
  static final String SERVICE = "bank.Ledger";
  static int large = 100_000_000;
  static int streams = 10_000;
  static final Metadata.Key<String> TEXT = Metadata.Key.of("x-echo", Metadata.ASCII_STRING_MARSHALLER);
  static final Metadata.Key<byte[]> BINARY = Metadata.Key.of("x-echo-bin", Metadata.BINARY_BYTE_MARSHALLER);

  static final MethodDescriptor.Marshaller<byte[]> BYTES =
      new MethodDescriptor.Marshaller<>() {
        @Override
        public InputStream stream(byte[] value) {
          return new ByteArrayInputStream(value);
        }

        @Override
        public byte[] parse(InputStream stream) {
          try {
            return stream.readAllBytes();
          } catch (IOException error) {
            throw new IllegalStateException(error);
          }
        }
      };

  static MethodDescriptor<byte[], byte[]> method(MethodDescriptor.MethodType type, String name) {
    return MethodDescriptor.<byte[], byte[]>newBuilder(BYTES, BYTES)
        .setType(type)
        .setFullMethodName(MethodDescriptor.generateFullMethodName(SERVICE, name))
        .build();
  }

  static final MethodDescriptor<byte[], byte[]> ECHO = method(MethodDescriptor.MethodType.UNARY, "Echo");
  static final MethodDescriptor<byte[], byte[]> FAIL = method(MethodDescriptor.MethodType.UNARY, "Fail");
  static final MethodDescriptor<byte[], byte[]> SLOW = method(MethodDescriptor.MethodType.UNARY, "Slow");
  static final MethodDescriptor<byte[], byte[]> CANCELLED = method(MethodDescriptor.MethodType.UNARY, "Cancelled");
  static final MethodDescriptor<byte[], byte[]> DOWN = method(MethodDescriptor.MethodType.SERVER_STREAMING, "Down");
  static final MethodDescriptor<byte[], byte[]> UP = method(MethodDescriptor.MethodType.CLIENT_STREAMING, "Up");
  static final MethodDescriptor<byte[], byte[]> BOTH = method(MethodDescriptor.MethodType.BIDI_STREAMING, "Both");

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  static String text(byte[] value) {
    return new String(value, StandardCharsets.UTF_8);
  }

  public static void main(String[] arguments) throws Exception {
    int port = Integer.parseInt(arguments[1]);
    boolean serves = arguments[0].equals("serve");
    if (serves) serve(port, InsecureServerCredentials.create());
    else call(port, InsecureChannelCredentials.create());
    if (arguments.length > 2) {
      String folder = arguments[2];
      int securePort = Integer.parseInt(arguments[3]);
      large = 1_000_000;
      streams = 1000;
      if (serves) serve(securePort, serverCredentials(folder));
      else call(securePort, channelCredentials(folder));
    }
    if (!serves) System.exit(0);
    System.out.println("ready");
    Thread.currentThread().join();
  }

  static ServerCredentials serverCredentials(String folder) throws IOException {
    return TlsServerCredentials.newBuilder()
        .keyManager(new File(folder, "cert.pem"), new File(folder, "key.pem"))
        .trustManager(new File(folder, "ca.pem"))
        .clientAuth(TlsServerCredentials.ClientAuth.REQUIRE)
        .build();
  }

  static ChannelCredentials channelCredentials(String folder) throws IOException {
    return TlsChannelCredentials.newBuilder()
        .keyManager(new File(folder, "cert.pem"), new File(folder, "key.pem"))
        .trustManager(new File(folder, "ca.pem"))
        .build();
  }

  // The server.

  static final AtomicInteger cancelled = new AtomicInteger();

  static void serve(int port, ServerCredentials credentials) throws Exception {
    ServerServiceDefinition service =
        ServerServiceDefinition.builder(SERVICE)
            .addMethod(ECHO, ServerCalls.asyncUnaryCall((request, out) -> answer(out, request)))
            .addMethod(FAIL, ServerCalls.asyncUnaryCall((request, out) -> fail(out)))
            .addMethod(SLOW, ServerCalls.asyncUnaryCall((request, out) -> stay()))
            .addMethod(
                CANCELLED,
                ServerCalls.asyncUnaryCall((request, out) -> answer(out, bytes("" + cancelled.get()))))
            .addMethod(DOWN, ServerCalls.asyncServerStreamingCall(Peer::down))
            .addMethod(UP, ServerCalls.asyncClientStreamingCall(Peer::up))
            .addMethod(BOTH, ServerCalls.asyncBidiStreamingCall(Peer::both))
            .build();
    Grpc.newServerBuilderForPort(port, credentials)
        .addService(ServerInterceptors.intercept(service, new EchoMetadata()))
        .maxInboundMessageSize(Integer.MAX_VALUE)
        .build()
        .start();
  }

  /** What came in the head goes back in the trailers. */
  static final class EchoMetadata implements ServerInterceptor {
    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
      ServerCall<Q, A> echoing =
          new io.grpc.ForwardingServerCall.SimpleForwardingServerCall<>(call) {
            @Override
            public void close(Status status, Metadata trailers) {
              if (headers.containsKey(TEXT)) trailers.put(TEXT, headers.get(TEXT));
              if (headers.containsKey(BINARY)) trailers.put(BINARY, headers.get(BINARY));
              super.close(status, trailers);
            }
          };
      return next.startCall(echoing, headers);
    }
  }

  static void answer(StreamObserver<byte[]> out, byte[] value) {
    out.onNext(value);
    out.onCompleted();
  }

  static void fail(StreamObserver<byte[]> out) {
    out.onError(Status.FAILED_PRECONDITION.withDescription("no: 100 % \u2713").asRuntimeException());
  }

  /** Never answers; the end of the call is counted. */
  static void stay() {
    Context.current().addListener(context -> cancelled.incrementAndGet(), Runnable::run);
  }

  static void down(byte[] request, StreamObserver<byte[]> out) {
    int count = Integer.parseInt(text(request));
    for (int index = 0; index < count; index++) out.onNext(bytes("" + index));
    out.onCompleted();
  }

  static StreamObserver<byte[]> up(StreamObserver<byte[]> out) {
    return new Observer() {
      private int total = 0;

      @Override
      public void onNext(byte[] value) {
        total += value.length;
      }

      @Override
      public void onCompleted() {
        answer(out, bytes("" + total));
      }
    };
  }

  static StreamObserver<byte[]> both(StreamObserver<byte[]> out) {
    return new Observer() {
      @Override
      public void onNext(byte[] value) {
        out.onNext(value);
      }

      @Override
      public void onCompleted() {
        out.onCompleted();
      }
    };
  }

  abstract static class Observer implements StreamObserver<byte[]> {
    @Override
    public void onError(Throwable error) {}
  }

  // The client.

  static ManagedChannel channel;

  static void call(int port, ChannelCredentials credentials) throws Exception {
    channel =
        Grpc.newChannelBuilder("127.0.0.1:" + port, credentials)
            .overrideAuthority("ledger")
            .maxInboundMessageSize(Integer.MAX_VALUE)
            .build();
    System.out.println("unary " + text(unary(ECHO, bytes("hello"), options())));
    System.out.println("compressed " + unary(ECHO, new byte[1_000_000], options().withCompression("gzip")).length);
    System.out.println("large " + unary(ECHO, new byte[large], options()).length);
    System.out.println("down " + count(ClientCalls.blockingServerStreamingCall(channel, DOWN, options(), bytes("1000"))));
    System.out.println("up " + collect(UP, 100, new byte[1000]));
    System.out.println("both " + collect(BOTH, 500, bytes("m")));
    System.out.println("fail " + statusOf(FAIL, options()));
    int heard = cancelledCalls();
    System.out.println("deadline " + codeOf(SLOW, options().withDeadlineAfter(300, TimeUnit.MILLISECONDS)));
    System.out.println("cancel " + cancel(heard + 2));
    System.out.println("metadata " + metadata());
    System.out.println("unimplemented " + codeOf(method(MethodDescriptor.MethodType.UNARY, "Nothing"), options()));
    System.out.println("together " + together());
    channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
  }

  static CallOptions options() {
    return CallOptions.DEFAULT.withDeadlineAfter(60, TimeUnit.SECONDS);
  }

  static byte[] unary(MethodDescriptor<byte[], byte[]> method, byte[] request, CallOptions options) {
    return ClientCalls.blockingUnaryCall(channel, method, options, request);
  }

  static String statusOf(MethodDescriptor<byte[], byte[]> method, CallOptions options) {
    try {
      unary(method, bytes("x"), options);
      return "OK";
    } catch (StatusRuntimeException error) {
      return error.getStatus().getCode() + " " + error.getStatus().getDescription();
    }
  }

  static String codeOf(MethodDescriptor<byte[], byte[]> method, CallOptions options) {
    return statusOf(method, options).split(" ")[0];
  }

  static int count(Iterator<byte[]> answers) {
    int count = 0;
    for (; answers.hasNext(); answers.next()) count++;
    return count;
  }

  /** Sends so many messages; how many came back, or what the one said. */
  static String collect(MethodDescriptor<byte[], byte[]> method, int messages, byte[] message) throws Exception {
    CountDownLatch done = new CountDownLatch(1);
    AtomicInteger received = new AtomicInteger();
    StringBuffer said = new StringBuffer();
    StreamObserver<byte[]> in =
        new StreamObserver<>() {
          @Override
          public void onNext(byte[] value) {
            received.incrementAndGet();
            if (method == UP) said.append(text(value));
          }

          @Override
          public void onError(Throwable error) {
            said.append(error.getMessage());
            done.countDown();
          }

          @Override
          public void onCompleted() {
            done.countDown();
          }
        };
    ClientCall<byte[], byte[]> call = channel.newCall(method, options());
    StreamObserver<byte[]> out =
        method == UP ? ClientCalls.asyncClientStreamingCall(call, in) : ClientCalls.asyncBidiStreamingCall(call, in);
    for (int index = 0; index < messages; index++) out.onNext(message);
    out.onCompleted();
    done.await(60, TimeUnit.SECONDS);
    return said.length() > 0 ? said.toString() : "" + received.get();
  }

  static int cancelledCalls() {
    return Integer.parseInt(text(unary(CANCELLED, bytes("x"), options())));
  }

  /** The server hears of it: of this one, and of the call whose deadline passed. */
  static String cancel(int wanted) throws Exception {
    ClientCall<byte[], byte[]> call = channel.newCall(SLOW, options());
    ClientCalls.futureUnaryCall(call, bytes("x"));
    Thread.sleep(200);
    call.cancel("enough", null);
    for (int tries = 0; tries < 100; tries++) {
      if (cancelledCalls() == wanted) return "heard";
      Thread.sleep(50);
    }
    return "not heard";
  }

  static String metadata() {
    Metadata sent = new Metadata();
    byte[] all = new byte[256];
    for (int index = 0; index < all.length; index++) all[index] = (byte) index;
    sent.put(TEXT, "a value");
    sent.put(BINARY, all);
    var headers = new java.util.concurrent.atomic.AtomicReference<Metadata>();
    var trailers = new java.util.concurrent.atomic.AtomicReference<Metadata>();
    ClientInterceptor attach = MetadataUtils.newAttachHeadersInterceptor(sent);
    ClientInterceptor capture = MetadataUtils.newCaptureMetadataInterceptor(headers, trailers);
    ClientCalls.blockingUnaryCall(
        io.grpc.ClientInterceptors.intercept(channel, capture, attach), ECHO, options(), bytes("x"));
    boolean same = java.util.Arrays.equals(trailers.get().get(BINARY), all);
    return trailers.get().get(TEXT) + " " + same;
  }

  /** So many streams, all open before the first one ends. */
  static String together() throws Exception {
    CountDownLatch opened = new CountDownLatch(streams);
    CountDownLatch ended = new CountDownLatch(streams);
    AtomicInteger well = new AtomicInteger();
    @SuppressWarnings("unchecked")
    StreamObserver<byte[]>[] outs = new StreamObserver[streams];
    for (int index = 0; index < streams; index++) {
      outs[index] =
          ClientCalls.asyncBidiStreamingCall(
              channel.newCall(BOTH, CallOptions.DEFAULT.withDeadlineAfter(120, TimeUnit.SECONDS)),
              new StreamObserver<byte[]>() {
                @Override
                public void onNext(byte[] value) {
                  opened.countDown();
                }

                @Override
                public void onError(Throwable error) {
                  ended.countDown();
                }

                @Override
                public void onCompleted() {
                  well.incrementAndGet();
                  ended.countDown();
                }
              });
      outs[index].onNext(bytes("m"));
    }
    if (!opened.await(100, TimeUnit.SECONDS)) return opened.getCount() + " never opened";
    for (StreamObserver<byte[]> out : outs) out.onCompleted();
    ended.await(100, TimeUnit.SECONDS);
    return "" + well.get();
  }
}
