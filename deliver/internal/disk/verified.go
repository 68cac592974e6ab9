package disk

import (
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/popsync/popsync/deliver"
)

// Verified reads a staged file and ends with deliver.ErrDamaged instead of io.EOF when it is not what its ticket says.
type Verified struct {
	File *os.File // closed by Close
	Name string   // for the error
	Size int64    // octets that it must have
	CRC  uint32   // and their CRC-32C

	size int64
	crc  uint32
}

func (v *Verified) Read(p []byte) (int, error) {
	n, err := v.File.Read(p)
	v.size += int64(n)
	v.crc = crc32.Update(v.crc, Castagnoli, p[:n])
	switch {
	case v.size > v.Size:
	case err == io.EOF && (v.size != v.Size || v.crc != v.CRC):
	default:
		return n, err
	}
	return n, fmt.Errorf("%s: %w", v.Name, deliver.ErrDamaged)
}

// Close closes the file.
func (v *Verified) Close() error { return v.File.Close() }
