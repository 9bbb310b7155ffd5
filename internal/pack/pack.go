// Package pack writes a list of strings as bytes and reads it back: all that is kept
// in a browser has this shape. Nothing in it is trusted before it has been opened.
package pack

import "encoding/binary"

// Append adds the fields to dst.
func Append(dst []byte, fields ...string) []byte {
	for _, f := range fields {
		dst = binary.AppendUvarint(dst, uint64(len(f)))
		dst = append(dst, f...)
	}
	return dst
}

// Next cuts the first field off b; ok is false when none is there or it is cut short.
func Next(b []byte) (field, rest []byte, ok bool) {
	n, size := length(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return nil, nil, false
	}
	end := size + int(n) //nolint:gosec // n was just compared with the length of b
	return b[size:end], b[end:], true
}

// length reads the length of a field, and how many bytes say it.
func length(b []byte) (n uint64, size int) {
	if len(b) > 0 && b[0] < 0x80 { // most are this short
		return uint64(b[0]), 1
	}
	return binary.Uvarint(b)
}

// Find gives the value of a key in b, which holds keys and values in turn; nil where
// there is none.
func Find(b []byte, key string) (value []byte) {
	for {
		k, rest, ok := Next(b)
		value, rest, okValue := Next(rest)
		if !ok || !okValue {
			return nil
		}
		if string(k) == key {
			return value
		}
		b = rest
	}
}

// Split is the reverse of Append.
func Split(b []byte) (fields []string, ok bool) {
	all := string(b) // one copy, which all fields are parts of
	for len(b) > 0 {
		f, rest, ok := Next(b)
		if !ok {
			return nil, false
		}
		end := len(all) - len(rest)
		fields, b = append(fields, all[end-len(f):end]), rest
	}
	return fields, true
}
