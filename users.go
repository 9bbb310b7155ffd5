package passport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"

	"github.com/gopassport/passport/internal/absent"
	"github.com/gopassport/passport/internal/record"
)

// UserStore says how logged-in users are kept. [Users] is the only one.
type UserStore interface {
	check()
	kind() string
	keeps(pointer any) bool
	key(user any) (key, stamp string, err error)
	load(ctx context.Context, key string) (user any, stamp string, err error)
}

// Users says how logged-in users of type T are kept: a session holds the key, and each
// request loads the user anew. T is what [UserFrom] gives, usually a pointer.
//
// Logins belong to Config.Keys (or Config.Sessions) and to the name of T with its package:
// registries that have both in common share them, and renaming or moving T ends all of
// them (to two programs, main.User is one name). The functions are called from many
// goroutines at once.
type Users[T any] struct {
	// Key names a user, for ever: a database id, not an e-mail address. At most some
	// hundred bytes. An empty key is a fault.
	Key func(T) string

	// Load finds the user of a key, at each request that has a login. ErrNoUser says
	// that the user is gone or barred: the person is logged out quietly. Any other error,
	// and a nil user, is a fault: nobody is logged out because a database is down.
	Load func(ctx context.Context, key string) (T, error)

	// Stamp is optional: a value that changes when older logins of the user should end,
	// a hash of the password say, or a counter for "log out everywhere". A session holds
	// a hash of it.
	Stamp func(T) string
}

func (u Users[T]) check() {
	if u.Key == nil || u.Load == nil {
		panic(fmt.Sprintf("passport: New: Config.Users for %s lacks Key or Load", reflect.TypeFor[T]()))
	}
}

// kind tells users of one type from another's. It goes into the names and keys of cookies,
// so that a login of one is never read as a login of the other.
func (u Users[T]) kind() string { return record.Kind(reflect.TypeFor[T]()) }

// keeps tells whether T is what the pointer points to.
func (u Users[T]) keeps(pointer any) bool {
	_, ok := pointer.(*T)
	return ok
}

func (u Users[T]) key(user any) (key, stamp string, err error) {
	defer caught(&err, CodeUserKey)
	typed, ok := user.(T)
	if !ok || absent.Nil(user) {
		return "", "", fault(CodeUserKey, http.StatusInternalServerError, fmt.Errorf("the strategy gave a %T, Config.Users keeps a %s", user, reflect.TypeFor[T]()))
	}
	if key = u.Key(typed); key == "" {
		return "", "", fault(CodeUserKey, http.StatusInternalServerError, errors.New("Users.Key gave an empty key"))
	}
	return key, u.stamp(key, typed), nil
}

func (u Users[T]) load(ctx context.Context, key string) (user any, stamp string, err error) {
	defer caught(&err, CodeUserLoad)
	typed, err := u.Load(ctx, key)
	switch {
	case errors.Is(err, ErrNoUser):
		return nil, "", ErrNoUser
	case err != nil:
		return nil, "", fault(CodeUserLoad, http.StatusServiceUnavailable, err)
	case absent.Nil(typed):
		return nil, "", fault(CodeUserLoad, http.StatusInternalServerError, errors.New("Users.Load gave a nil user and no error; return ErrNoUser for a user who is gone"))
	}
	return typed, u.stamp(key, typed), nil
}

// stamp is what a login remembers of the user's state.
func (u Users[T]) stamp(key string, user T) string {
	if u.Stamp == nil {
		return ""
	}
	return record.Stamp(key, u.Stamp(user))
}
