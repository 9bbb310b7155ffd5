package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatCallersGet(t *testing.T) {
	api := httptest.NewServer(newAPI())
	defer api.Close()
	const (
		noToken  = `Bearer realm="Reports"`
		badToken = `Bearer realm="Reports", error="invalid_token", error_description="The token is unknown or expired."`
		noReach  = `Bearer realm="Reports", error="insufficient_scope", error_description="The access token does not reach this far", scope="write"`
		noName   = `Basic realm="Reports", charset="UTF-8"`
	)
	for name, test := range map[string]struct {
		method, authorization string
		status                int
		challenges            []string
		body                  string
	}{
		"nothing":                    {"GET", "", 401, []string{noToken, noName}, `"code":"credentials_rejected"`},
		"a good token":               {"GET", "Bearer token-of-the-backup", 200, nil, `{"for":"backup"}`},
		"a token nobody knows":       {"GET", "Bearer unknown", 401, []string{badToken, noName}, `"status":401`},
		"a good password":            {"GET", "Basic YWRhOmEtbG9uZy1wYXNzcGhyYXNl", 200, nil, `{"for":"ada"}`},
		"a wrong password":           {"GET", "Basic YWRhOndyb25n", 401, []string{noToken, noName}, `"title":"Unauthorized"`},
		"a token that may write":     {"POST", "Bearer token-of-the-backup", 200, nil, `{"for":"backup"}`},
		"a token that may only read": {"POST", "Bearer token-of-a-reader", 403, []string{noReach}, `"status":403`},
		"a password cannot write":    {"POST", "Basic YWRhOmEtbG9uZy1wYXNzcGhyYXNl", 401, []string{noToken}, `"status":401`},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), test.method, api.URL+"/reports", nil)
			require.NoError(t, err)
			if test.authorization != "" {
				r.Header.Set("Authorization", test.authorization)
			}
			res, err := http.DefaultClient.Do(r)
			require.NoError(t, err)
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			require.NoError(t, err)

			require.Equal(t, test.status, res.StatusCode, string(body))
			require.Equal(t, test.challenges, res.Header["Www-Authenticate"])
			require.Contains(t, string(body), test.body)
			require.Empty(t, res.Header["Set-Cookie"], "an API keeps nothing in a browser")
			if test.status != http.StatusOK {
				require.Equal(t, "application/problem+json", res.Header.Get("Content-Type"))
			}
		})
	}
}
