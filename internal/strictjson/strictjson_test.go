package strictjson_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/gopassport/passport/internal/strictjson"
)

func TestParseTakesOneObjectAndNothingElse(t *testing.T) {
	for text, want := range map[string]error{
		`{}`:                                 nil,
		` {"sub":"a","id":1} ` + "\n":        nil,
		`{"a":{"b":1,"b":2}}`:                nil, // members of members are somebody else's
		`{"Name":"a","name":"b"}`:            nil, // two names, neither of which matters
		``:                                   strictjson.ErrBroken,
		`null`:                               strictjson.ErrBroken,
		`[]`:                                 strictjson.ErrBroken,
		`"sub"`:                              strictjson.ErrBroken,
		`1`:                                  strictjson.ErrBroken,
		`{`:                                  strictjson.ErrBroken,
		`{"a"}`:                              strictjson.ErrBroken,
		`{"a":1,}`:                           strictjson.ErrBroken,
		`{"a":1 "b":2}`:                      strictjson.ErrBroken,
		`{"a":NaN}`:                          strictjson.ErrBroken,
		`{'a':1}`:                            strictjson.ErrBroken,
		`{}{}`:                               strictjson.ErrBroken,
		`{}]`:                                strictjson.ErrBroken,
		`{"a":1}x`:                           strictjson.ErrBroken,
		`<html>`:                             strictjson.ErrBroken,
		`{` + strings.Repeat(`"a":[`, 50000): strictjson.ErrBroken,
		`{"a":1,"a":2}`:                      strictjson.ErrTwice,
		`{"a":null,"a":null}`:                strictjson.ErrTwice,
		`{"a":1,"\u0061":2}`:                 strictjson.ErrTwice,
		`{"Sub":"victim"}`:                   strictjson.ErrTwice,
		`{"sub":"me","SUB":"victim"}`:        strictjson.ErrTwice,
		`{"\u017fub":"victim"}`:              strictjson.ErrTwice,
	} {
		o, err := strictjson.Parse([]byte(text), "sub")
		if !errors.Is(err, want) || (err == nil) != (o != nil) {
			t.Errorf("%.40s: %v, %v; want %v", text, o, err, want)
		}
	}
}

func TestAnIDIsAStringOrTheDigitsOfAnInteger(t *testing.T) {
	for value, want := range map[string]string{
		`"42"`:                 "42",
		`42`:                   "42",
		`-1`:                   "-1",
		`9007199254740993`:     "9007199254740993", // not 9007199254740992
		`18446744073709551616`: "18446744073709551616",
		`"a\u00e9"`:            "aé",
		`""`:                   "", // whose emptiness others judge
	} {
		o, err := strictjson.Parse([]byte(`{"id":` + value + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if id, ok := o.ID("id"); !ok || id != want {
			t.Errorf("%s: %q, %v", value, id, ok)
		}
	}
	for _, value := range []string{`1.0`, `1e3`, `-0.5`, `null`, `true`, `{}`, `["a"]`, `"\ud800"`, `"a\ufffd"`, "\"\xff\""} {
		o, err := strictjson.Parse([]byte(`{"id":` + value + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if id, ok := o.ID("id"); ok {
			t.Errorf("%s: %q", value, id)
		}
	}
	if _, ok := (strictjson.Object{}).ID("id"); ok {
		t.Error("an ID where there is none")
	}
}

func TestMedia(t *testing.T) {
	for header, want := range map[string]bool{
		"application/json": true, "Application/JSON ; charset=utf-8": true, "application/vnd.forge+json": true,
		"": false, "text/html": false, "text/plain": false, "text/json": false, "application/x-www-form-urlencoded": false, "application/jsonp": false, "text/x+json": false,
	} {
		if strictjson.Media(header) != want {
			t.Errorf("%q: %v", header, !want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{`{"sub":"a"}`, `{"a":1,"a":2}`, `{"Sub":1}`, `{}{}`, `[]`, `{"a":[{}]}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		o, err := strictjson.Parse(text, "sub")
		if err != nil {
			return
		}
		var loose struct{ Sub json.RawMessage }
		if err := json.Unmarshal(text, &loose); err != nil {
			t.Fatalf("%q is an object, and encoding/json says %v", text, err)
		}
		members := map[string]json.RawMessage{}
		if err := json.Unmarshal(text, &members); err != nil || len(members) != len(o) {
			t.Fatalf("%q: %v, %d members of %d", text, err, len(o), len(members))
		}
		for name, value := range members {
			if string(o[name]) != string(value) {
				t.Errorf("%q: %q is %s, and %s to encoding/json", text, name, o[name], value)
			}
		}
		if string(loose.Sub) != string(o["sub"]) {
			t.Errorf("%q: sub is %s, and %s to encoding/json", text, o["sub"], loose.Sub)
		}
	})
}

// It is the same for an object that encoding/json reads.
func TestTheMembersAreThoseOfEncodingJSON(t *testing.T) {
	for _, text := range []string{
		`{"a":"}{\",\\","b":[1,{"c":"]"}],"d":{"e":[[]]},"f":-1.5e3,"g":null,"h":true}`,
		"\t{ \"a\" \n: 1 ,\r\n\"b\":{ } , \"c\" : \"\" }\n",
		`{"":0,"\u0041":1,"é":2,"\\":3,"\"":4,":":5,",":6}`,
		`{"a":[]}`,
	} {
		want := map[string]json.RawMessage{}
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		got, err := strictjson.Parse([]byte(text))
		if err != nil || len(got) != len(want) {
			t.Fatalf("%s: %v, %v", text, got, err)
		}
		for name := range want {
			if string(got[name]) != string(want[name]) {
				t.Errorf("%s: %q is %s, want %s", text, name, got[name], want[name])
			}
		}
	}
}
