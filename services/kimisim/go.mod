module github.com/wandstore/wandstore/services/kimisim

go 1.26.0
