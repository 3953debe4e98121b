// Foreign xDS clients on grpc-java, any number of them, for src/xds/grpc-many.peer.test.ts. Each asks for all clusters
// and the endpoints of each, incrementally, and acknowledges what comes. Arguments and output are those of
// tools/peers/go-control-plane/clients.

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.WireFormat;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

public final class Clients {
  static final String ADS = "envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
  static final String CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
  static final String ENDPOINT = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";

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
          } catch (IOException failed) {
            throw new UncheckedIOException(failed);
          }
        }
      };

  static final MethodDescriptor<byte[], byte[]> METHOD =
      MethodDescriptor.newBuilder(BYTES, BYTES)
          .setType(MethodDescriptor.MethodType.BIDI_STREAMING)
          .setFullMethodName(ADS)
          .build();

  static int streams;
  static int clusters;
  static int complete;
  static long started;
  static String expected = "";
  static final Set<Integer> changed = new HashSet<>();

  static synchronized void say(String line) {
    System.out.println(line);
    System.out.flush();
  }

  static synchronized void completed() {
    if (++complete == streams) say("complete " + streams + " " + (System.nanoTime() - started) / 1_000_000);
  }

  static synchronized void heard(int number, String typeUrl) {
    if (expected.isEmpty() || !typeUrl.endsWith("." + expected) || !changed.add(number)) return;
    if (changed.size() == streams) say("changed " + expected + " " + streams);
  }

  static synchronized void expect(String type) {
    expected = type;
    changed.clear();
    say("expecting " + type);
  }

  public static void main(String[] words) throws IOException {
    String address = "";
    int connections = 1;
    int window = 0;
    for (int at = 0; at < words.length; at += 2) {
      switch (words[at]) {
        case "-address" -> address = words[at + 1];
        case "-streams" -> streams = Integer.parseInt(words[at + 1]);
        case "-connections" -> connections = Integer.parseInt(words[at + 1]);
        case "-clusters" -> clusters = Integer.parseInt(words[at + 1]);
        case "-window" -> window = Integer.parseInt(words[at + 1]);
        default -> throw new IllegalArgumentException(words[at]);
      }
    }
    started = System.nanoTime();
    List<ManagedChannel> channels = new ArrayList<>();
    for (int at = 0; at < connections; at++) {
      NettyChannelBuilder builder = NettyChannelBuilder.forTarget(address).usePlaintext();
      builder.maxInboundMessageSize(64 << 20);
      if (window > 0) builder.flowControlWindow(window);
      channels.add(builder.build());
    }
    for (int number = 0; number < streams; number++) new Client(number).start(channels.get(number % connections));
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      String[] said = line.split(" ");
      if (said.length == 2 && said[0].equals("expect")) expect(said[1]);
    }
    System.exit(0);
  }

  /** One stream and what it holds. */
  static final class Client implements StreamObserver<byte[]> {
    final int number;
    final Set<String> ofClusters = new HashSet<>();
    final Set<String> ofEndpoints = new HashSet<>();
    StreamObserver<byte[]> requests;
    boolean told;

    Client(int number) {
      this.number = number;
    }

    void start(ManagedChannel channel) {
      requests = ClientCalls.asyncBidiStreamingCall(channel.newCall(METHOD, CallOptions.DEFAULT), this);
      requests.onNext(request(CLUSTER, List.of("*"), "", "sidecar~java-" + number + ".bank"));
    }

    @Override
    public void onNext(byte[] message) {
      try {
        take(CodedInputStream.newInstance(message));
      } catch (IOException failed) {
        throw new UncheckedIOException(failed);
      }
    }

    /** DeltaDiscoveryResponse: resources (2) with names (3), type_url (4), nonce (5). */
    void take(CodedInputStream input) throws IOException {
      List<String> names = new ArrayList<>();
      String typeUrl = "";
      String nonce = "";
      for (int tag = input.readTag(); tag != 0; tag = input.readTag()) {
        switch (WireFormat.getTagFieldNumber(tag)) {
          case 2 -> names.add(nameOf(input.readBytes().newCodedInput()));
          case 4 -> typeUrl = input.readString();
          case 5 -> nonce = input.readString();
          default -> input.skipField(tag);
        }
      }
      if (typeUrl.equals(CLUSTER)) {
        names.removeIf(name -> name.startsWith("inbound:") || !ofClusters.add(name));
        if (!names.isEmpty()) requests.onNext(request(ENDPOINT, names, "", ""));
      } else if (typeUrl.equals(ENDPOINT)) {
        ofEndpoints.addAll(names);
      }
      requests.onNext(request(typeUrl, List.of(), nonce, ""));
      if (!told && ofClusters.size() >= clusters && ofEndpoints.size() >= clusters) {
        told = true;
        completed();
      }
      heard(number, typeUrl);
    }

    static String nameOf(CodedInputStream resource) throws IOException {
      String name = "";
      for (int tag = resource.readTag(); tag != 0; tag = resource.readTag()) {
        if (WireFormat.getTagFieldNumber(tag) == 3) name = resource.readString();
        else resource.skipField(tag);
      }
      return name;
    }

    @Override
    public void onError(Throwable failed) {
      say("broken " + number + " " + failed);
    }

    @Override
    public void onCompleted() {
      say("broken " + number + " ended");
    }
  }

  /** DeltaDiscoveryRequest: node (1) with its id (1), type_url (2), resource_names_subscribe (3), response_nonce (6). */
  static byte[] request(String typeUrl, List<String> names, String nonce, String node) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    CodedOutputStream output = CodedOutputStream.newInstance(bytes);
    try {
      if (!node.isEmpty()) {
        ByteArrayOutputStream inner = new ByteArrayOutputStream();
        CodedOutputStream id = CodedOutputStream.newInstance(inner);
        id.writeString(1, node);
        id.flush();
        output.writeBytes(1, ByteString.copyFrom(inner.toByteArray()));
      }
      output.writeString(2, typeUrl);
      for (String name : names) output.writeString(3, name);
      if (!nonce.isEmpty()) output.writeString(6, nonce);
      output.flush();
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
    return bytes.toByteArray();
  }
}
