package oauth2_test

import "testing"

func TestSmoke(t *testing.T) {
	p, s := forge(t, nil)
	p.want("flow", flow(p, s, ""), "", 0)
}
