package metrics

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/prometheus/common/expfmt"

	"github.com/popsync/popsync/internal/durable"
	"github.com/popsync/popsync/internal/safepath"
)

// WriteTextfile writes all figures to path, for the textfile collector of node-exporter, which reads files named
// *.prom. Readers see the old file or the new one, whole. Every user may read it: node-exporter is another one.
func (m *Metrics) WriteTextfile(path string) error {
	m.refresh()
	families, err := m.reg.Gather()
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	var b bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
	}
	// The folder is node-exporter's as often as not, so all goes by its descriptor.
	dir, err := safepath.SharedDir(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("metrics: textfile: %w", advised(err))
	}
	defer dir.Close()
	if err := durable.WriteShared(dir.File, filepath.Base(path), b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("metrics: textfile: %w", err)
	}
	return nil
}

// CheckTextfile looks whether WriteTextfile could go to the folder of path; it writes nothing.
func CheckTextfile(path string) error {
	dir, err := safepath.SharedDir(filepath.Dir(path))
	if err != nil {
		return advised(err)
	}
	return dir.Close()
}

// advised adds how to mend what others can change.
func advised(err error) error {
	var fault *safepath.Error
	if errors.As(err, &fault) {
		return fmt.Errorf("%w; say: %s", err, fault.Mend)
	}
	return err
}
