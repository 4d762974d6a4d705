// SPDX-License-Identifier: AGPL-3.0-or-later
// The register's map: the page's plan, now with zoom and names. MapLibre is fetched only here; no tiles, no glyphs.
import type { GeoJSONSource, Map as MapLibre, StyleSpecification } from "maplibre-gl";

interface Properties {
  camera: string;
  name: string;
  number: number;
}
type Features = GeoJSON.FeatureCollection<GeoJSON.Geometry, Properties>;

class MapElement extends HTMLElement {
  #map: MapLibre | undefined;

  connectedCallback(): void {
    // The plan in the page serves until somebody can use more, and stays if WebGL is missing.
    const seen = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      seen.disconnect();
      void this.#start().catch(() => undefined);
    });
    seen.observe(this);
  }

  disconnectedCallback(): void {
    this.#map?.remove();
  }

  async #start(): Promise<void> {
    if (!document.createElement("canvas").getContext("webgl2")) return;
    const [gl, { default: workerUrl }, response] = await Promise.all([
      import("maplibre-gl"),
      import("maplibre-gl/dist/maplibre-gl-worker.mjs?url"),
      fetch(this.getAttribute("src") ?? ""),
      import("maplibre-gl/dist/maplibre-gl.css"),
    ]);
    if (!response.ok) return;
    const features = (await response.json()) as Features;
    gl.setWorkerUrl(new URL(workerUrl, location.href).href);
    const bounds = new gl.LngLatBounds();
    for (const feature of features.features) for (const place of placesOf(feature.geometry)) bounds.extend(place);
    const holder = document.createElement("div");
    holder.className = "map-canvas";
    holder.setAttribute("aria-label", this.getAttribute("label") ?? "Map");
    this.append(holder);
    const map = new gl.Map({
      container: holder,
      style: style(features),
      bounds,
      fitBoundsOptions: { padding: 48 },
      maxZoom: 22,
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      cooperativeGestures: true,
    });
    map.touchZoomRotate.disableRotation();
    map.addControl(new gl.NavigationControl({ showCompass: false }), "top-right");
    map.addControl(new gl.ScaleControl({ maxWidth: 120, unit: "metric" }), "bottom-left");
    for (const feature of features.features) {
      if (feature.geometry.type !== "Point") continue;
      const [longitude, latitude] = feature.geometry.coordinates as [number, number];
      new gl.Marker({ element: pin(feature.properties) }).setLngLat([longitude, latitude]).addTo(map);
    }
    this.classList.toggle("crowded", features.features.length > 24);
    await map.once("load");
    this.#map = map;
    this.classList.add("ready");
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      map.setStyle(style(features));
      (map.getSource("cameras") as GeoJSONSource | undefined)?.setData(features);
    });
  }
}

function placesOf(geometry: GeoJSON.Geometry): [number, number][] {
  if (geometry.type === "Point") return [geometry.coordinates as [number, number]];
  if (geometry.type === "Polygon") return (geometry.coordinates[0] ?? []) as [number, number][];
  return [];
}

function pin(camera: Properties): HTMLElement {
  const link = document.createElement("a");
  link.className = "pin";
  link.href = `/register/${camera.camera}`;
  link.textContent = String(camera.number);
  const name = document.createElement("span");
  name.textContent = camera.name;
  link.append(name);
  return link;
}

/** Colours come from the style sheet, so that map and page change together. */
function style(features: Features): StyleSpecification {
  const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  return {
    version: 8,
    sources: {
      cameras: { type: "geojson", data: features },
      grid: { type: "geojson", data: grid(features) },
    },
    layers: [
      { id: "ground", type: "background", paint: { "background-color": colour("--map-ground") } },
      { id: "grid", type: "line", source: "grid", paint: { "line-color": colour("--map-grid"), "line-width": 1 } },
      {
        id: "view",
        type: "fill",
        source: "cameras",
        filter: ["==", ["geometry-type"], "Polygon"],
        paint: { "fill-color": colour("--accent"), "fill-opacity": 0.2 },
      },
      {
        id: "edge",
        type: "line",
        source: "cameras",
        filter: ["==", ["geometry-type"], "Polygon"],
        paint: { "line-color": colour("--accent"), "line-width": 1.25, "line-opacity": 0.8 },
      },
    ],
  };
}

/** Lines every 20 metres around the cameras: a sense of size without anybody's map. */
function grid(features: Features): GeoJSON.Feature<GeoJSON.MultiLineString> {
  const places = features.features.flatMap((feature) => placesOf(feature.geometry));
  const [west, east] = [Math.min(...places.map((p) => p[0])), Math.max(...places.map((p) => p[0]))];
  const [south, north] = [Math.min(...places.map((p) => p[1])), Math.max(...places.map((p) => p[1]))];
  const tall = 20 / 111_195;
  const wide = tall / Math.max(Math.cos((((south + north) / 2) * Math.PI) / 180), 0.01);
  const step = Math.max(1, Math.ceil(Math.max((east - west) / wide, (north - south) / tall) / 60));
  const lines: [number, number][][] = [];
  const reach = 60;
  for (let at = -reach; at <= reach; at += 1) {
    const x = (west + east) / 2 + at * wide * step;
    const y = (south + north) / 2 + at * tall * step;
    lines.push([[x, (south + north) / 2 - reach * tall * step], [x, (south + north) / 2 + reach * tall * step]]);
    lines.push([[(west + east) / 2 - reach * wide * step, y], [(west + east) / 2 + reach * wide * step, y]]);
  }
  return { type: "Feature", properties: {}, geometry: { type: "MultiLineString", coordinates: lines } };
}

customElements.define("c-map", MapElement);
