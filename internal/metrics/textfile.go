package metrics

import (
	"bytes"
	"fmt"

	"github.com/prometheus/common/expfmt"

	"github.com/popsync/popsync/internal/durable"
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
	if err := durable.WriteShared(path, b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("metrics: textfile: %w", err)
	}
	return nil
}
