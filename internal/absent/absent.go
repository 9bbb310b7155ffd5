// Package absent tells what is not there, although an interface holds it.
package absent

import (
	"fmt"
	"net/http"
	"reflect"
)

// Nil sees through interfaces: a (*User)(nil) from a look-up is nobody.
func Nil(v any) bool {
	if v == nil {
		return true
	}
	switch rv := reflect.ValueOf(v); rv.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Func, reflect.Interface, reflect.Chan:
		return rv.IsNil()
	default:
		return false
	}
}

// Handler panics where middleware is to wrap a handler that is not there. Where it is
// needless, because what succeeds is redirected, nobody need write one: what gets there all
// the same is answered with 404.
func Handler(call string, next http.Handler, needless bool) http.Handler {
	switch {
	case !Nil(next):
		return next
	case needless:
		return http.NotFoundHandler()
	}
	panic(fmt.Sprintf("passport: %s: the handler to wrap is nil", call))
}
