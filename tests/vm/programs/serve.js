// SPDX-License-Identifier: GPL-2.0-only

// As serve.go.
const http = require('http');
const readline = require('readline');

readline.createInterface({ input: process.stdin }).on('line', (line) => {
	const [, host, port] = line.match(/^\[?(.*?)\]?:(\d+)$/);
	const server = http.createServer((_, response) => {
		response.end('served by node\n');
	});

	server.on('error', (error) => console.log(error.message));
	server.listen(Number(port), host || undefined, () => {
		console.log('listening');
		server.unref();
	});
}).on('close', () => process.exit());
