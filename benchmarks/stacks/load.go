package stacks

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// connections are open at once; as many requests are on the way.
const connections = 32

// load asks for a page again and again, on a core of its own, with wrk where that is
// installed, and gives the requests a second.
func load(ctx context.Context, address, cookie string, d time.Duration) (float64, error) {
	if wrk, err := exec.LookPath("wrk"); err == nil {
		return byWrk(ctx, wrk, address, cookie, d)
	}
	return byHand(ctx, address, cookie, d)
}

var (
	rate      = regexp.MustCompile(`(?m)^Requests/sec: +([0-9.]+)$`)
	complaint = regexp.MustCompile(`(?m)^.*(Non-2xx|Socket errors).*$`)
)

func byWrk(ctx context.Context, wrk, address, cookie string, d time.Duration) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, d+15*time.Second)
	defer cancel()
	seconds := max(1, int(d.Seconds()))
	command := pinned(ctx, 1, wrk, "-t1", fmt.Sprintf("-c%d", connections), fmt.Sprintf("-d%ds", seconds), "-H", "Cookie: "+cookie, address)
	out, err := command.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("wrk: %w: %s", err, out)
	}
	if bad := complaint.Find(out); bad != nil {
		return 0, fmt.Errorf("wrk: %s", bad)
	}
	found := rate.FindSubmatch(out)
	if found == nil {
		return 0, fmt.Errorf("wrk says nothing that can be read: %s", out)
	}
	return strconv.ParseFloat(string(found[1]), 64)
}

// byHand is for machines without wrk. It costs more than wrk does, so where it has no core
// of its own, fast servers look slower than they are.
func byHand(ctx context.Context, address, cookie string, d time.Duration) (float64, error) {
	u, err := url.Parse(address)
	if err != nil {
		return 0, err
	}
	request := "GET " + u.Path + " HTTP/1.1\r\nHost: " + u.Host + "\r\nCookie: " + cookie + "\r\n\r\n"
	var all sync.WaitGroup
	var answers atomic.Int64
	failures := make(chan error, connections)
	began := time.Now()
	for range connections {
		all.Go(func() {
			if err := ask(ctx, u.Host, request, began.Add(d), &answers); err != nil {
				failures <- err
			}
		})
	}
	all.Wait()
	close(failures)
	return float64(answers.Load()) / time.Since(began).Seconds(), <-failures
}

// ask sends one request after the other on one connection.
func ask(ctx context.Context, host, request string, end time.Time, answers *atomic.Int64) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", host)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // all answers were read
	if err := conn.SetDeadline(end.Add(10 * time.Second)); err != nil {
		return err
	}
	replies := bufio.NewReader(conn)
	for time.Now().Before(end) && ctx.Err() == nil {
		if _, err := io.WriteString(conn, request); err != nil {
			return err
		}
		reply, err := http.ReadResponse(replies, nil)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, reply.Body)
		if err := errors.Join(err, reply.Body.Close()); err != nil {
			return err
		}
		if reply.StatusCode != http.StatusOK {
			return errors.New(reply.Status)
		}
		answers.Add(1)
	}
	return ctx.Err()
}
