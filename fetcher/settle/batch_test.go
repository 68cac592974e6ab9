package settle

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// staged is a batcher of single messages whose two steps write down what they do.
func staged(prepare, settle func(n int) error) (b *Batcher, log func() string, result chan error) {
	b = NewBatcher(1, 1<<20, time.Hour)
	var mu sync.Mutex
	var text []string
	step := func(name string, f func(int) error) func(*Batch) error {
		return func(due *Batch) error {
			n := due.msgs[0].Num
			mu.Lock()
			text = append(text, fmt.Sprint(name, n))
			mu.Unlock()
			return f(n)
		}
	}
	result = make(chan error, 1)
	go func() { result <- b.Run(step("p", prepare), step("s", settle)) }()
	return b, func() string {
		mu.Lock()
		defer mu.Unlock()
		return strings.Join(text, " ")
	}, result
}

func none(int) error { return nil }

// A batch is made durable while the one before is settled, and a third may be received meanwhile; each step takes one at a
// time, in order.
func TestBatchesOverlap(t *testing.T) {
	prepared, settled := make(chan int), make(chan bool)
	b, log, result := staged(func(n int) error { prepared <- n; return nil }, func(int) error { <-settled; return nil })
	added := make(chan bool)
	go func() {
		for n := range 3 {
			added <- b.Add(Received{Num: n})
		}
		b.Finish()
	}()
	<-added
	<-prepared // 0 goes on to be settled, which waits
	<-added
	if n := <-prepared; n != 1 || !strings.HasPrefix(log(), "p0") || strings.Contains(log(), "s1") {
		t.Errorf("%d was prepared: %s", n, log())
	}
	settled <- true
	<-added
	settled <- true
	<-prepared
	settled <- true
	if err := <-result; err != nil {
		t.Error(err)
	}
	if order := strings.NewReplacer("p0 ", "", "p1 ", "", "p2 ", "").Replace(log()); order != "s0 s1 s2" {
		t.Error(log())
	}
}

// An error of either step ends both, and the reader is told.
func TestBatchesFail(t *testing.T) {
	broken := errors.New("broken")
	at1 := func(n int) error {
		if n == 1 {
			return broken
		}
		return nil
	}
	for _, tt := range []struct {
		name            string
		prepare, settle func(int) error
		never           string
	}{
		{"prepare", at1, none, "s1"},
		{"settle", none, at1, "s2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, log, result := staged(tt.prepare, tt.settle)
			n := 0
			for b.Add(Received{Num: n}) {
				n++
			}
			b.Finish()
			if err := <-result; !errors.Is(err, broken) {
				t.Error(err)
			}
			if n < 2 || n > 5 || strings.Contains(log(), tt.never) {
				t.Errorf("%d were taken: %s", n, log())
			}
		})
	}
}
