package passporttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gopassport/passport/accounts"
)

// TestAccountStore is the contract of an [accounts.Store] as a suite. open gives a store
// that is empty; it is called once for each part.
func TestAccountStore(t *testing.T, open func(t *testing.T) accounts.Store) {
	t.Helper()
	for _, part := range []struct {
		name string
		test func(*testing.T, accounts.Store)
	}{
		{"what was put is found again, whole", accountRoundTrip},
		{"issuer and subject are compared byte for byte", accountBytes},
		{"what is not there is ErrNotFound", accountMissing},
		{"a change that fails writes nothing", accountRefusedChange},
		{"a list has its user's records, the oldest first", accountList},
		{"of many who put one account, all see one record", accountPutAtOnce},
		{"no change is lost", accountChangeAtOnce},
		{"a delete sees what others left", accountDeleteAtOnce},
		{"a context that has ended is an error", accountCancelled},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, open(t)) })
	}
}

func sampleRecord(id, user, issuer, subject string) accounts.Record {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	return accounts.Record{
		Account: accounts.Account{
			ID: id, User: user, Strategy: "github-authz", Issuer: issuer, Subject: subject, Name: "Ådå ' \" \\ 🙂", Email: "ada@example.com",
			Picture: "https://x.example/a?b=c", Scopes: []string{"a", "b:c"}, Reconnect: true, Connected: at, Updated: at.Add(time.Hour),
		},
		Strategies: []string{"github", "github-authz"}, Sealed: []byte{0, 1, 2, 255, 0}, Claimed: at.Add(time.Minute),
	}
}

// put adds a record as it is.
func putRecord(t *testing.T, s accounts.Store, r accounts.Record) {
	t.Helper()
	err := s.Put(t.Context(), r.Issuer, r.Subject, func(to *accounts.Record) error { *to = r; return nil })
	if err != nil {
		t.Fatalf("Put: %v", err)
	}
}

// wantRecord compares all that a store keeps.
func wantRecord(t *testing.T, what string, got, want accounts.Record) {
	t.Helper()
	same := got.ID == want.ID && got.User == want.User && got.Strategy == want.Strategy && got.Issuer == want.Issuer && got.Subject == want.Subject &&
		got.Name == want.Name && got.Email == want.Email && got.Picture == want.Picture && slices.Equal(got.Scopes, want.Scopes) &&
		got.Reconnect == want.Reconnect && got.Connected.Equal(want.Connected) && got.Updated.Equal(want.Updated) &&
		slices.Equal(got.Strategies, want.Strategies) && bytes.Equal(got.Sealed, want.Sealed) && got.Claimed.Equal(want.Claimed)
	if !same {
		t.Errorf("%s:\n got %#v %q %x %v\nwant %#v %q %x %v", what, got.Account, got.Strategies, got.Sealed, got.Claimed, want.Account, want.Strategies, want.Sealed, want.Claimed)
	}
}

func accountRoundTrip(t *testing.T, s accounts.Store) {
	want := sampleRecord("1", "ada", "https://a.example", "42")
	putRecord(t, s, want)
	got, err := s.Get(t.Context(), "1")
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	wantRecord(t, "Get", got, want)
	if got, err = s.Find(t.Context(), "https://a.example", "42"); err != nil {
		t.Fatalf("Find: %v", err)
	}
	wantRecord(t, "Find", got, want)
	want.Name, want.Scopes, want.Strategies, want.Sealed, want.Claimed, want.Reconnect = "", nil, nil, nil, time.Time{}, false
	putRecord(t, s, want)
	got, _ = s.Get(t.Context(), "1")
	wantRecord(t, "Get after a Put of less", got, want)
	want.Sealed = []byte("new")
	if err := s.Change(t.Context(), "1", func(r *accounts.Record) error { r.Sealed = []byte("new"); return nil }); err != nil {
		t.Fatalf("Change: %v", err)
	}
	got, _ = s.Get(t.Context(), "1")
	wantRecord(t, "Get after a Change", got, want)
}

func accountBytes(t *testing.T, s accounts.Store) {
	names := []string{"ada", "Ada", "ada ", " ada", "ad%", "ad_", "ådå", "a\u030ada\u030a", "42", "042", "42.0"}
	for i, name := range names {
		putRecord(t, s, sampleRecord("s"+strconv.Itoa(i), "u", "https://a.example", name))
		putRecord(t, s, sampleRecord("i"+strconv.Itoa(i), "u", "https://"+name, "1"))
	}
	for i, name := range names {
		r, err := s.Find(t.Context(), "https://a.example", name)
		if err != nil || r.ID != "s"+strconv.Itoa(i) {
			t.Errorf("the subject %q finds %q, %v", name, r.ID, err)
		}
		r, err = s.Find(t.Context(), "https://"+name, "1")
		if err != nil || r.ID != "i"+strconv.Itoa(i) {
			t.Errorf("the issuer %q finds %q, %v", name, r.ID, err)
		}
	}
}

func accountMissing(t *testing.T, s accounts.Store) {
	putRecord(t, s, sampleRecord("1", "ada", "https://a.example", "42"))
	never := func(*accounts.Record) error { t.Error("change was called"); return nil }
	_, get := s.Get(t.Context(), "2")
	_, find := s.Find(t.Context(), "https://a.example", "43")
	check := func(accounts.Record, []accounts.Record) error { t.Error("check was called"); return nil }
	for what, err := range map[string]error{
		"Get": get, "Find": find, "Change": s.Change(t.Context(), "2", never),
		"Delete of an id": s.Delete(t.Context(), "ada", "2", check), "Delete of another user's": s.Delete(t.Context(), "bob", "1", check),
	} {
		if !errors.Is(err, accounts.ErrNotFound) {
			t.Errorf("%s: %v, want ErrNotFound", what, err)
		}
	}
	if all, err := s.List(t.Context(), "bob"); err != nil || len(all) != 0 {
		t.Errorf("List of nobody: %d records, %v", len(all), err)
	}
}

func accountRefusedChange(t *testing.T, s accounts.Store) {
	want := sampleRecord("1", "ada", "https://a.example", "42")
	putRecord(t, s, want)
	no := errors.New("no")
	spoil := func(r *accounts.Record) error { r.Name, r.User = "spoilt", "bob"; return no }
	for what, err := range map[string]error{
		"Put of a new one": s.Put(t.Context(), "https://a.example", "43", spoil),
		"Put":              s.Put(t.Context(), "https://a.example", "42", spoil),
		"Change":           s.Change(t.Context(), "1", spoil),
		"Delete":           s.Delete(t.Context(), "ada", "1", func(accounts.Record, []accounts.Record) error { return no }),
	} {
		if !errors.Is(err, no) {
			t.Errorf("%s: %v, want the error of change", what, err)
		}
	}
	got, err := s.Get(t.Context(), "1")
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	wantRecord(t, "afterwards", got, want)
	if _, err := s.Find(t.Context(), "https://a.example", "43"); !errors.Is(err, accounts.ErrNotFound) {
		t.Errorf("the new one: %v, want ErrNotFound", err)
	}
}

func accountList(t *testing.T, s accounts.Store) {
	for i, seconds := range []int{3, 1, 2, 1} {
		r := sampleRecord(strconv.Itoa(i), "ada", "https://a.example", strconv.Itoa(i))
		r.Connected = r.Connected.Add(time.Duration(seconds) * time.Second)
		putRecord(t, s, r)
	}
	putRecord(t, s, sampleRecord("9", "bob", "https://a.example", "9"))
	all, err := s.List(t.Context(), "ada")
	if err != nil {
		t.Fatalf("List: %v", err)
	}
	var order []string
	for _, r := range all {
		order = append(order, r.ID)
	}
	if !slices.Equal(order, []string{"1", "3", "2", "0"}) {
		t.Errorf("the order is %q, want 1 3 2 0", order)
	}
}

const atOnce = 40

// together runs f many times at once.
func together(t *testing.T, f func(i int) error) {
	t.Helper()
	var wg sync.WaitGroup
	for i := range atOnce {
		wg.Go(func() {
			if err := f(i); err != nil {
				t.Errorf("number %d: %v", i, err)
			}
		})
	}
	wg.Wait()
}

func accountPutAtOnce(t *testing.T, s accounts.Store) {
	together(t, func(i int) error {
		return s.Put(t.Context(), "https://a.example", "42", func(r *accounts.Record) error {
			if r.ID == "" {
				*r = sampleRecord(strconv.Itoa(i), "ada", "https://a.example", "42")
				r.Name = "0"
			}
			n, err := strconv.Atoi(r.Name)
			r.Name = strconv.Itoa(n + 1)
			return err
		})
	})
	all, err := s.List(t.Context(), "ada")
	if err != nil || len(all) != 1 || all[0].Name != strconv.Itoa(atOnce) {
		t.Errorf("%d records, %v; want one that was put %d times: %v", len(all), err, atOnce, all)
	}
}

func accountChangeAtOnce(t *testing.T, s accounts.Store) {
	r := sampleRecord("1", "ada", "https://a.example", "42")
	r.Name = "0"
	putRecord(t, s, r)
	together(t, func(int) error {
		return s.Change(t.Context(), "1", func(r *accounts.Record) error {
			n, err := strconv.Atoi(r.Name)
			r.Name = strconv.Itoa(n + 1)
			return err
		})
	})
	if r, err := s.Get(t.Context(), "1"); err != nil || r.Name != strconv.Itoa(atOnce) {
		t.Errorf("after %d changes the record counts %s, %v", atOnce, r.Name, err)
	}
}

func accountDeleteAtOnce(t *testing.T, s accounts.Store) {
	for i := range atOnce {
		putRecord(t, s, sampleRecord(fmt.Sprintf("%02d", i), "ada", "https://a.example", strconv.Itoa(i)))
	}
	last := errors.New("the last one")
	together(t, func(i int) error {
		err := s.Delete(t.Context(), "ada", fmt.Sprintf("%02d", i), func(_ accounts.Record, others []accounts.Record) error {
			if len(others) == 0 {
				return last
			}
			return nil
		})
		if errors.Is(err, last) {
			return nil
		}
		return err
	})
	if all, err := s.List(t.Context(), "ada"); err != nil || len(all) != 1 {
		t.Errorf("%d records are left, %v; want the last one", len(all), err)
	}
}

func accountCancelled(t *testing.T, s accounts.Store) {
	putRecord(t, s, sampleRecord("1", "ada", "https://a.example", "42"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Change(ctx, "1", func(r *accounts.Record) error { r.Name = "late"; return nil }); err == nil {
		t.Error("Change gave no error")
	}
	if _, err := s.Get(ctx, "1"); err == nil {
		t.Error("Get gave no error")
	}
}
