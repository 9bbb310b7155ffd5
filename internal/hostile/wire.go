package hostile

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Request reads the text of a request, with bare line feeds, as a server of https does. It
// has the length of the body in place of the text.
func Request(text string) (*http.Request, error) {
	head, body, _ := strings.Cut(text, "\n\n")
	head = strings.TrimSuffix(head, "\n")
	if body != "" {
		head += fmt.Sprintf("\nContent-Length: %d", len(body))
	}
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head + "\n\n" + body)))
	if err != nil {
		return nil, err
	}
	r.TLS = &tls.ConnectionState{}
	return r, nil
}

// Response reads the text of a reply, with bare line feeds. A body {{stream:N}} has N bytes.
func Response(text string) *http.Response {
	head, body, _ := strings.Cut(Bytes(text), "\n\n")
	reply, err := http.ReadResponse(bufio.NewReader(strings.NewReader(head+"\n\n")), nil)
	if err != nil {
		panic("hostile: " + err.Error())
	}
	content := io.Reader(strings.NewReader(body))
	if size, streamed := strings.CutPrefix(body, "{{stream:"); streamed {
		n, err := strconv.ParseInt(strings.TrimSuffix(size, "}}"), 10, 64)
		if err != nil {
			panic("hostile: " + err.Error())
		}
		content = io.LimitReader(spaces{}, n)
	}
	reply.Body, reply.ContentLength = io.NopCloser(content), -1
	return reply
}

// spaces never end.
type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}
