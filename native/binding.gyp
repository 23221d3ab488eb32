{
  "targets": [
    {
      "target_name": "sonde_native",
      "sources": ["<!@(cd src && ls *.cc | sed 's|^|src/|')"],
      "include_dirs": ["<!@(node -p \"require('node-addon-api').include\")"],
      "defines": ["NAPI_VERSION=8", "NAPI_CPP_EXCEPTIONS", "NODE_ADDON_API_DISABLE_DEPRECATED"],
      "cflags_cc!": ["-fno-exceptions", "-std=gnu++17", "-std=gnu++20"],
      # One exception mode: C++ exceptions inside, JavaScript exceptions at the boundary (src/error.h).
      "cflags_cc": ["-std=c++20", "-fexceptions", "-fvisibility=hidden", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Wno-missing-field-initializers"],
      "libraries": ["-lbpf"],
      # A worker that ends unloads its addons; threads of the pool and libbpf's print callback may still point in here.
      "ldflags": ["-Wl,-z,nodelete"]
    }
  ]
}
