// SPDX-License-Identifier: GPL-2.0-only

// A web server that is told on its standard input where to listen, one
// HOST:PORT a line, and answers each time: "listening", or why it is not.
package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
)

func main() {
	page := func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "served by go")
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		listener, err := net.Listen("tcp", lines.Text())
		if err != nil {
			fmt.Println(err)
			continue
		}
		go http.Serve(listener, http.HandlerFunc(page))
		fmt.Println("listening")
	}
}
