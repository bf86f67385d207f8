// Package pb is the wire contract of generator plugins, generated from
// generator.proto. Go plugins use package sdk instead; authors in other
// languages compile the same file.
package pb

//go:generate protoc --go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative generator.proto
