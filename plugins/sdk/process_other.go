//go:build !unix

package sdk

import "os"

// divertStdout leaves file descriptors alone: go-plugin replaces os.Stdout.
func divertStdout() (*os.File, error) { return os.Stdout, nil }

// killOwnGroup does nothing: there are no process groups.
func killOwnGroup() {}
