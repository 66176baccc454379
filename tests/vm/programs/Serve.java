// SPDX-License-Identifier: GPL-2.0-only

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;

/** As serve.go, without a library of HTTP: its start is slow enough. */
final class Serve {
	private static final byte[] PAGE =
		"HTTP/1.0 200 OK\r\n\r\nserved by java\n".getBytes();

	private static void serve(ServerSocket listener) {
		while (true) {
			try (Socket client = listener.accept()) {
				client.getInputStream().read(new byte[4096]);
				client.getOutputStream().write(PAGE);
			} catch (IOException e) {
				return;
			}
		}
	}

	private static InetSocketAddress parse(String line) throws IOException {
		int colon = line.lastIndexOf(':');
		int port = Integer.parseInt(line.substring(colon + 1));
		if (colon == 0)
			return new InetSocketAddress(port);
		return new InetSocketAddress(
			InetAddress.getByName(line.substring(0, colon)), port);
	}

	public static void main(String[] args) throws IOException {
		BufferedReader lines =
			new BufferedReader(new InputStreamReader(System.in));
		String line;
		while ((line = lines.readLine()) != null) {
			try {
				ServerSocket listener = new ServerSocket();
				listener.bind(parse(line));
				Thread thread = new Thread() {
					@Override
					public void run() {
						serve(listener);
					}
				};
				thread.setDaemon(true);
				thread.start();
				System.out.println("listening");
			} catch (IOException e) {
				System.out.println(e.getMessage());
			}
		}
	}
}
