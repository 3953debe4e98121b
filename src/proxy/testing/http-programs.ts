// Small HTTP servers and clients in other languages, by nothing but their standard libraries. Each server is told its
// port, and for TLS its chain and key (PEM); it answers `GET /` with "hello", `POST /echo` with what it was sent, and
// `GET /none` with 204. Each client is told the authority's file and addresses; it asks all of that of each, over few
// connections, and prints a line for each that was as it should be.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../testing/programs.ts';

export interface HttpProgram {
  /** Must be installed. */
  readonly needs: string;
  /** The commands of its server and its client, without what they are told; built in the folder. */
  build(folder: string): Promise<{ readonly server: readonly string[]; readonly client: readonly string[] }>;
}

const pythonServer = `
import http.server, socketserver, ssl, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def log_message(self, *_): pass
    def send(self, status, body):
        self.send_response(status)
        if status != 204: self.send_header('content-length', str(len(body)))
        self.end_headers()
        if self.command != 'HEAD': self.wfile.write(body)
    def do_GET(self): self.send(204, b'') if self.path == '/none' else self.send(200, b'hello')
    do_HEAD = do_GET
    def do_POST(self):
        if self.headers.get('transfer-encoding') == 'chunked':
            body = b''
            while (size := int(self.rfile.readline(), 16)) > 0:
                body += self.rfile.read(size); self.rfile.readline()
            self.rfile.readline()
        else: body = self.rfile.read(int(self.headers['content-length']))
        self.send(200, body)
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128
server = Server(('127.0.0.1', int(sys.argv[1])), Handler)
if len(sys.argv) > 2:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
`;

const pythonClient = `
import http.client, ssl, sys, urllib.parse
context = ssl.create_default_context(cafile=sys.argv[1])
for address in sys.argv[2:]:
    url = urllib.parse.urlsplit(address)
    make = http.client.HTTPSConnection if url.scheme == 'https' else http.client.HTTPConnection
    c = make(url.hostname, url.port, timeout=30, **({'context': context} if url.scheme == 'https' else {}))
    def ask(method, path, body=None, **more):
        c.request(method, path, body, **more)
        r = c.getresponse()
        return r.status, r.read()
    body = b'x' * 100000
    assert ask('GET', '/') == (200, b'hello')
    assert ask('HEAD', '/') == (200, b'')
    assert ask('GET', '/none') == (204, b'')
    assert ask('POST', '/echo', body) == (200, body)
    assert ask('POST', '/echo', iter([body, body]), encode_chunked=True, headers={'transfer-encoding': 'chunked'}) == (200, body + body)
    for _ in range(20): assert ask('GET', '/') == (200, b'hello')
    print(address, 'fine')
`;

const nodeServer = `
const { readFileSync } = require('fs');
const [port, chain, key] = process.argv.slice(2);
const answer = (request, response) => {
  if (request.url === '/none') { response.statusCode = 204; response.end(); }
  else if (request.method === 'POST') request.pipe(response);
  else response.end('hello');
};
const server = chain === undefined
  ? require('http').createServer(answer)
  : require('https').createServer({ cert: readFileSync(chain), key: readFileSync(key) }, answer);
server.listen(Number(port), '127.0.0.1');
`;

const nodeClient = `
const { readFileSync } = require('fs');
const [ca, ...addresses] = process.argv.slice(2);
const assert = require('assert');
const [http, https] = [require('http'), require('https')];
const plain = new http.Agent({ keepAlive: true, maxSockets: 2 });
const secure = new https.Agent({ keepAlive: true, maxSockets: 2, ca: readFileSync(ca) });
const ask = (address, method, path, pieces = []) => new Promise((resolve, reject) => {
  const url = new URL(path, address);
  const request = (url.protocol === 'https:' ? https : http).request(url, {
    method, agent: url.protocol === 'https:' ? secure : plain,
    headers: pieces.length === 1 ? { 'content-length': pieces[0].length } : {},
  }, (response) => {
    const chunks = [];
    response.on('data', (chunk) => chunks.push(chunk));
    response.on('end', () => resolve([response.statusCode, Buffer.concat(chunks).toString()]));
  });
  request.on('error', reject);
  for (const piece of pieces) request.write(piece);
  request.end();
});
(async () => {
  const body = 'x'.repeat(100000);
  for (const address of addresses) {
    assert.deepEqual(await ask(address, 'GET', '/'), [200, 'hello']);
    assert.deepEqual(await ask(address, 'HEAD', '/'), [200, '']);
    assert.deepEqual(await ask(address, 'GET', '/none'), [204, '']);
    assert.deepEqual(await ask(address, 'POST', '/echo', [body]), [200, body]);
    assert.deepEqual(await ask(address, 'POST', '/echo', [body, body]), [200, body + body]);
    for (const one of await Promise.all(Array.from({ length: 20 }, () => ask(address, 'GET', '/'))))
      assert.deepEqual(one, [200, 'hello']);
    console.log(address, 'fine');
  }
  process.exit(0);
})();
`;

const goServer = `package main

import (
	"io"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/none" {
			w.WriteHeader(204)
		} else if r.Method == "POST" {
			body, _ := io.ReadAll(r.Body)
			w.Write(body)
		} else {
			io.WriteString(w, "hello")
		}
	})
	at := "127.0.0.1:" + os.Args[1]
	if len(os.Args) > 2 {
		panic(http.ListenAndServeTLS(at, os.Args[2], os.Args[3], nil))
	}
	panic(http.ListenAndServe(at, nil))
}
`;

const goClient = `package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	pem, _ := os.ReadFile(os.Args[1])
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
	body := bytes.Repeat([]byte("x"), 100000)
	for _, address := range os.Args[2:] {
		expect := func(method, path string, send io.Reader, status int, want string) {
			request, _ := http.NewRequest(method, address+path, send)
			response, err := client.Do(request)
			if err != nil {
				panic(err)
			}
			got, err := io.ReadAll(response.Body)
			response.Body.Close()
			if err != nil || response.StatusCode != status || string(got) != want {
				panic(fmt.Sprint(address, method, path, err, response.StatusCode, len(got)))
			}
		}
		expect("GET", "/", nil, 200, "hello")
		expect("HEAD", "/", nil, 200, "")
		expect("GET", "/none", nil, 204, "")
		expect("POST", "/echo", bytes.NewReader(body), 200, string(body))
		expect("POST", "/echo", io.MultiReader(bytes.NewReader(body), bytes.NewReader(body)), 200, string(body)+string(body))
		for range [20]int{} {
			expect("GET", "/", nil, 200, "hello")
		}
		fmt.Println(address, "fine")
	}
}
`;

const javaServer = `
import com.sun.net.httpserver.*;
import java.io.*;
import java.net.*;
import java.nio.file.*;
import java.security.*;
import java.security.cert.*;
import java.security.spec.*;
import java.util.*;
import java.util.concurrent.*;
import javax.net.ssl.*;

public class Server {
  static SSLContext context(String chain, String key) throws Exception {
    var text = Files.readString(Path.of(key)).replaceAll("-----[A-Z ]+-----|\\\\s", "");
    var secret = KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(text)));
    var certificates = CertificateFactory.getInstance("X.509").generateCertificates(Files.newInputStream(Path.of(chain)));
    var store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    store.setKeyEntry("a", secret, new char[0], certificates.toArray(new java.security.cert.Certificate[0]));
    var keys = KeyManagerFactory.getInstance("SunX509");
    keys.init(store, new char[0]);
    var context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), null, null);
    return context;
  }

  public static void main(String[] words) throws Exception {
    var at = new InetSocketAddress("127.0.0.1", Integer.parseInt(words[0]));
    HttpServer server;
    if (words.length > 1) {
      var secure = HttpsServer.create(at, 128);
      secure.setHttpsConfigurator(new HttpsConfigurator(context(words[1], words[2])));
      server = secure;
    } else server = HttpServer.create(at, 128);
    server.createContext("/", exchange -> {
      var body = exchange.getRequestBody().readAllBytes();
      if (exchange.getRequestURI().getPath().equals("/none")) exchange.sendResponseHeaders(204, -1);
      else if (exchange.getRequestMethod().equals("HEAD")) exchange.sendResponseHeaders(200, -1);
      else {
        if (!exchange.getRequestMethod().equals("POST")) body = "hello".getBytes();
        exchange.sendResponseHeaders(200, body.length);
        exchange.getResponseBody().write(body);
      }
      exchange.close();
    });
    server.setExecutor(Executors.newFixedThreadPool(4));
    server.start();
  }
}
`;

const javaClient = `
import java.io.*;
import java.net.*;
import java.net.http.*;
import java.nio.file.*;
import java.security.*;
import java.security.cert.*;
import javax.net.ssl.*;

public class Client {
  static HttpClient client;

  static void expect(String address, String method, HttpRequest.BodyPublisher send, int status, String want) throws Exception {
    var request = HttpRequest.newBuilder(URI.create(address)).method(method, send).build();
    var response = client.send(request, HttpResponse.BodyHandlers.ofString());
    if (response.statusCode() != status || !response.body().equals(want))
      throw new RuntimeException(method + " " + address + ": " + response.statusCode() + ", " + response.body().length());
  }

  public static void main(String[] words) throws Exception {
    var store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    store.setCertificateEntry("a", CertificateFactory.getInstance("X.509").generateCertificate(Files.newInputStream(Path.of(words[0]))));
    var trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(store);
    var context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    client = HttpClient.newBuilder().sslContext(context).build();
    var none = HttpRequest.BodyPublishers.noBody();
    var body = "x".repeat(100000);
    for (int at = 1; at < words.length; at++) {
      var address = words[at];
      expect(address + "/", "GET", none, 200, "hello");
      expect(address + "/", "HEAD", none, 200, "");
      expect(address + "/none", "GET", none, 204, "");
      expect(address + "/echo", "POST", HttpRequest.BodyPublishers.ofString(body), 200, body);
      var twice = HttpRequest.BodyPublishers.ofInputStream(() -> new ByteArrayInputStream((body + body).getBytes()));
      expect(address + "/echo", "POST", twice, 200, body + body);
      for (int round = 0; round < 20; round++) expect(address + "/", "GET", none, 200, "hello");
      System.out.println(address + " fine");
    }
    System.exit(0);
  }
}
`;

/** Sources as files, run as they are or by what `compile` makes of them. */
function program(
  needs: string,
  [server, client]: readonly [string, string],
  extension: string,
  compile: (folder: string, name: string) => readonly string[] | null,
  start: (folder: string, name: string) => readonly string[],
): HttpProgram {
  return {
    needs,
    async build(folder) {
      for (const [name, source] of [
        ['Server', server],
        ['Client', client],
      ] as const) {
        writeFileSync(join(folder, `${name}.${extension}`), source);
        const command = compile(folder, name);
        const { code, err } = command === null ? { code: 0, err: '' } : await run(command);
        if (code !== 0) throw new Error(err);
      }
      return { server: start(folder, 'Server'), client: start(folder, 'Client') };
    },
  };
}

const asIs = () => null;

export const httpPrograms: Readonly<Record<string, HttpProgram>> = {
  Python: program('python3', [pythonServer, pythonClient], 'py', asIs, (folder, name) => [
    'python3',
    join(folder, `${name}.py`),
  ]),
  Node: program('node', [nodeServer, nodeClient], 'cjs', asIs, (folder, name) => [
    'node',
    join(folder, `${name}.cjs`),
  ]),
  Go: program(
    'go',
    [goServer, goClient],
    'go',
    (folder, name) => ['go', 'build', '-o', join(folder, `go-${name}`), join(folder, `${name}.go`)],
    (folder, name) => [join(folder, `go-${name}`)],
  ),
  Java: program(
    'javac',
    [javaServer, javaClient],
    'java',
    (folder, name) => ['javac', '-d', folder, join(folder, `${name}.java`)],
    (folder, name) => ['java', '-XX:TieredStopAtLevel=1', '-cp', folder, name],
  ),
};
