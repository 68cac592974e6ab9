package durable

import "os"

// Append adds data to a file that was opened for that (O_APPEND), and returns nil only once it survives a power cut. After an error
// what the file ends with is not known, and the sync is not tried again.
func Append(f *os.File, data []byte) error {
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Sync()
}
