//go:build unix

package realserver

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Nginx starts an nginx. http is what stands in the http block of its configuration, with
// LISTEN where the address belongs:
//
//	nginx := realserver.Nginx(t, `
//		upstream app { server 127.0.0.1:9001; server 127.0.0.1:9002; }
//		server {
//			listen LISTEN;
//			location / { proxy_pass http://app; proxy_set_header Host $http_host; }
//		}`)
//
// Paths in it are relative to a folder of its own.
func Nginx(tb testing.TB, http string) *Server {
	tb.Helper()
	path, folder, address := Program(tb, "nginx"), Folder(tb, ""), Address(tb)
	conf := filepath.Join(folder, "nginx.conf")
	if err := os.WriteFile(conf, []byte(nginxConf(http, address)), 0o600); err != nil {
		tb.Fatal(err)
	}
	return Start(tb, Process{
		Path:    path,
		Args:    []string{"-p", folder, "-c", conf, "-e", "stderr"},
		Address: address,
	})
}

func nginxConf(http, address string) string {
	user := ""
	if os.Getuid() == 0 { // else its workers would be somebody who may not look into the folder
		user = "user root;\n"
	}
	return user + `daemon off;
		worker_processes 1;
		pid nginx.pid;
		error_log stderr;
		events {}
		http {
			access_log off;
			client_body_temp_path client_body;
			proxy_temp_path proxy;
			fastcgi_temp_path fastcgi;
			uwsgi_temp_path uwsgi;
			scgi_temp_path scgi;
			` + strings.ReplaceAll(http, "LISTEN", address) + "\n}\n"
}
