//go:build tools

// Package influxdb2 pins what the tests' InfluxDB 2.9 is built of.
package influxdb2

import (
	_ "github.com/influxdata/influxdb/v2/cmd/influxd"
	_ "github.com/influxdata/pkg-config"
)
