package server

import "fmt"
import (
	"net/http"

	log "example.com/team/log" // ours
	_ "embed"
)

const Limit = 3
const (
	low = iota
	high
)

var ErrClosed, errOpen = 1, 2

type Server[T any] struct {
	addr string
}
type Handler interface {
	Serve(w http.ResponseWriter) error
}
type (
	ID    = string
	Names map[string]ID
)

func (s *Server[T]) Start() error {
	local := 1
	return nil
}
func New() *Server[int] { return nil }
