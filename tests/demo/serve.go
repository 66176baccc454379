// SPDX-License-Identifier: GPL-2.0-only

// The smallest web server: serve ADDRESS.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
)

func main() {
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "serve:", err)
		os.Exit(1)
	}
	fmt.Println("listening on", listener.Addr())
	page := func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "Hello from a static Go program.")
	}
	fmt.Fprintln(os.Stderr, "serve:",
		http.Serve(listener, http.HandlerFunc(page)))
	os.Exit(1)
}
