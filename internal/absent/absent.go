// Package absent tells what is not there, although an interface holds it.
package absent

import "reflect"

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
